package dev.nacre.examples.spring;

import dev.nacre.formats.model.Model;
import dev.nacre.formats.model.Prediction;
import dev.nacre.nn.data.Image;
import dev.nacre.type.NacreException;
import java.util.List;
import org.springframework.http.HttpStatus;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.RestController;
import org.springframework.web.server.ResponseStatusException;

/// What clients ask for.
@RestController
class Predictions {
    private final Model model;

    Predictions(Model model) {
        this.model = model;
    }

    /// The three most probable digits of a picture.
    @PostMapping("/predict")
    List<Prediction.Choice> predict(@RequestBody byte[] picture) {
        try {
            return model.predict(Image.read(picture)).top(3);
        } catch (NacreException e) { // what cannot be decoded is the client's fault
            throw new ResponseStatusException(HttpStatus.BAD_REQUEST, e.getMessage(), e);
        }
    }
}
