@echo off
rem Runs Maven on a fitting JDK, as mvnw does elsewhere; neither Maven nor JAVA_HOME has to be set up.
setlocal
set maven=3.9.16
set sha512=ed41650d42485cfc243fad22158caf9cbb5dc408ce7a09ddb94dd42a019de929ca43065bfa450612cf12bf78b5cafa3884b96c090de326ff590448c933454af3
set min_jdk=25

set found=
set looked=
call :try "%JAVA_HOME%"
for /f "delims=" %%j in ('where java 2^>nul') do call :try "%%~dpj.."
for /d %%d in ("%ProgramFiles%\Java\*" "%ProgramFiles%\Eclipse Adoptium\*" "%USERPROFILE%\.sdkman\candidates\java\*") do call :try "%%~d"
if not defined found (
    echo Nacre needs JDK %min_jdk% or later. Looked in JAVA_HOME, PATH, "%ProgramFiles%\Java", "%ProgramFiles%\Eclipse Adoptium" and SDKMAN. 1>&2
    echo Get one from https://adoptium.net, then set JAVA_HOME to its folder. 1>&2
    exit /b 1
)
set "JAVA_HOME=%found%"

set "dists=%USERPROFILE%\.m2\wrapper\dists\apache-maven-%maven%"
set "mvn=%dists%\nacre\bin\mvn.cmd"
if not exist "%mvn%" call :fetch
if not exist "%mvn%" exit /b 1

set "MAVEN_OPTS=-XX:+UseSerialGC -XX:TieredStopAtLevel=1 --enable-native-access=ALL-UNNAMED --sun-misc-unsafe-memory-access=allow -Dorg.slf4j.simpleLogger.log.org.apache.maven.plugin.compiler=warn %MAVEN_OPTS%"
call "%mvn%" %*
exit /b %errorlevel%

rem Takes the JDK in a folder if it is the first that is new enough.
:try
if defined found exit /b 0
if not exist "%~1\bin\javac.exe" exit /b 0
for /f "tokens=2 delims==." %%v in ('findstr /b "JAVA_VERSION=" "%~1\release"') do (
    if %%~v geq %min_jdk% set "found=%~f1"
)
exit /b 0

rem Unpacks beside the target and renames, so that no other mvnw ever sees half a Maven.
:fetch
echo mvnw: fetching Maven %maven% 1>&2
powershell -NoProfile -Command ^
    "$ErrorActionPreference = 'Stop'; $ProgressPreference = 'SilentlyContinue';" ^
    "$tmp = Join-Path $env:dists ([guid]::NewGuid()); New-Item -ItemType Directory -Force $tmp | Out-Null;" ^
    "$zip = Join-Path $tmp 'maven.zip';" ^
    "Invoke-WebRequest -UseBasicParsing -OutFile $zip ('https://archive.apache.org/dist/maven/maven-3/' + $env:maven + '/binaries/apache-maven-' + $env:maven + '-bin.zip');" ^
    "if ((Get-FileHash -Algorithm SHA512 $zip).Hash -ne $env:sha512) { throw 'mvnw: the download has another SHA-512 than expected' };" ^
    "Expand-Archive $zip $tmp;" ^
    "Move-Item (Join-Path $tmp ('apache-maven-' + $env:maven)) (Join-Path $env:dists 'nacre');" ^
    "Remove-Item -Recurse -Force $tmp"
exit /b %errorlevel%
