package dev.nacre.examples.spring;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import dev.nacre.Rng;
import dev.nacre.formats.model.Input;
import dev.nacre.formats.model.Model;
import dev.nacre.nn.Activation;
import dev.nacre.nn.Flatten;
import dev.nacre.nn.Linear;
import dev.nacre.nn.Sequential;
import dev.nacre.nn.data.Digits;
import dev.nacre.nn.data.Image;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.boot.SpringApplication;
import org.springframework.boot.web.server.context.WebServerApplicationContext;

/// The service over HTTP, by many clients at once.
class DigitsServiceTest {
    @TempDir Path folder;

    @Test
    void answersAsTheModelDoesAndRefusesWhatIsNoPicture() throws Exception {
        Path file = folder.resolve("digits.safetensors");
        var data = Digits.split().train();
        var size = data.preprocessing();
        var network =
                Sequential.of(
                        new Flatten(),
                        Linear.of((long) size.height() * size.width(), 32, Rng.seed(1)),
                        Activation.RELU,
                        Linear.of(32, 10, Rng.seed(2)));
        var model = Model.of(network, Input.Images.of(data.preprocessing())).labels(data.classes());
        model.write(file);
        byte[] picture = png();
        var expected = model.predict(Image.read(picture));

        String[] settings = {
            "--model=" + file,
            "--server.port=0",
            "--spring.main.banner-mode=off",
            "--logging.level.root=warn"
        };
        try (var service = SpringApplication.run(DigitsService.class, settings);
                var client = HttpClient.newHttpClient()) {
            int port = ((WebServerApplicationContext) service).getWebServer().getPort();
            URI uri = URI.create("http://localhost:" + port + "/predict");
            List<HttpResponse<String>> answers =
                    IntStream.range(0, 16)
                            .parallel()
                            .mapToObj(_ -> post(client, uri, picture))
                            .toList();
            for (HttpResponse<String> answer : answers) {
                assertEquals(200, answer.statusCode(), answer::body);
                assertTrue(
                        answer.body().startsWith("[{\"label\":\"" + expected.label() + "\","),
                        answer::body);
            }
            assertEquals(400, post(client, uri, new byte[] {1, 2, 3}).statusCode());
        }
    }

    private static HttpResponse<String> post(HttpClient client, URI uri, byte[] body) {
        HttpRequest request =
                HttpRequest.newBuilder(uri)
                        .header("Content-Type", "image/png")
                        .POST(HttpRequest.BodyPublishers.ofByteArray(body))
                        .build();
        try {
            return client.send(request, HttpResponse.BodyHandlers.ofString());
        } catch (Exception e) {
            throw new AssertionError(e);
        }
    }

    private static byte[] png() throws Exception {
        var image = new BufferedImage(20, 20, BufferedImage.TYPE_BYTE_GRAY);
        image.createGraphics().fillRect(8, 2, 4, 16);
        var out = new ByteArrayOutputStream();
        ImageIO.write(image, "png", out);
        return out.toByteArray();
    }
}
