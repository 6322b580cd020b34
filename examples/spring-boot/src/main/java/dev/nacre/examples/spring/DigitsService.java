package dev.nacre.examples.spring;

import dev.nacre.formats.model.Model;
import java.nio.file.Path;
import org.springframework.beans.factory.annotation.Value;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.autoconfigure.SpringBootApplication;
import org.springframework.context.annotation.Bean;

/// A service around a saved model: `./nacre train digits`, then start it with `--model=digits.safetensors` and send it pictures:
///
///     curl --data-binary @three.png -H 'Content-Type: image/png' localhost:8080/predict
@SpringBootApplication
public class DigitsService {
    public static void main(String[] args) {
        SpringApplication.run(DigitsService.class, args);
    }

    /// Read once and warmed up, so that the first request is as fast as the others. Any number of threads may use it.
    @Bean
    Model digits(@Value("${model}") Path path) {
        return Model.read(path).warmUp(1, 8);
    }
}
