# Sourced by mvnw and nacre: sets JAVA_HOME to a JDK of at least version $min_jdk, or says where it looked and exits.
min_jdk=25

# HOME is unset in some services and containers; it is asked of the system, as Java does.
if [ -z "${HOME-}" ]; then
    HOME=$(eval "echo ~$(id -un 2>/dev/null)" 2>/dev/null) || HOME=
    case $HOME in
        /*) ;;
        *) HOME=${TMPDIR:-/tmp} ;;
    esac
    export HOME
fi

# The major version of the JDK in folder $1; nothing if there is none. Reads a file, because starting java takes longer.
jdk_version() {
    if [ -x "$1/bin/javac" ] && [ -r "$1/release" ]; then
        sed -n 's/^JAVA_VERSION="\([0-9]*\).*/\1/p' "$1/release"
    fi
}

# The folder of the `java` on the PATH, through its links.
path_java_home() {
    java=$(command -v java) || return 0
    java=$(readlink -f "$java" 2>/dev/null || echo "$java")
    home=${java%/bin/java}
    # A stand-in (a version manager's shim, macOS's /usr/bin/java) has to be asked.
    [ -r "$home/release" ] || home=$("$java" -XshowSettings:properties -version 2>&1 | sed -n 's/^ *java\.home = //p')
    echo "$home"
}

find_jdk() {
    looked=
    for place in JAVA_HOME PATH /usr/lib/jvm/* /Library/Java/JavaVirtualMachines/*/Contents/Home \
        "$HOME"/.sdkman/candidates/java/*; do
        case $place in
            JAVA_HOME) home=${JAVA_HOME-} ;;
            PATH) home=$(path_java_home) ;;
            *) home=$place ;;
        esac
        version=$(jdk_version "$home")
        if [ "${version:-0}" -ge $min_jdk ]; then
            JAVA_HOME=$home
            export JAVA_HOME
            return
        fi
        [ "$home" != "$place" ] || place=
        [ -n "$version" ] && version="JDK $version" || version="no JDK"
        looked="$looked
    ${place:+$place: }${home:+$home: }$version"
    done
    cat >&2 <<END
Nacre needs JDK $min_jdk or later. Looked in:$looked
Get one from https://adoptium.net or with 'sdk install java' (https://sdkman.io), then set JAVA_HOME to its folder.
END
    exit 1
}

find_jdk
