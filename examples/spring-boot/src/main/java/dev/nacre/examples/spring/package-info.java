/// A saved model behind HTTP, as a Spring Boot service.
package dev.nacre.examples.spring;
