package dev.nacre.nn;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;

/// The name of a record component or field in the keys of a module's state, where it is not the Java name in snake case. An empty name puts the contents at
/// the owner's own level: the layers of a [Sequential] are `0.weight`, not `layers.0.weight`.
@Retention(RetentionPolicy.RUNTIME)
@Target({ElementType.RECORD_COMPONENT, ElementType.FIELD})
public @interface Key {
    String value();
}
