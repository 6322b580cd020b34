package dev.nacre.nn;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// Says that what a record component or field holds is no part of the module: its variables are neither trained nor saved with it. For a teacher's network, an optimizer, a back
/// reference to the owner, or a function that captures variables of somebody else.
///
/// ```java
/// record Student(Linear body, @NotPart Module teacher) implements Module { … }
/// ```
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.RECORD_COMPONENT, ElementType.FIELD})
public @interface NotPart {}
