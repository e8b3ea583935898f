package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import io.swagger.v3.oas.models.OpenAPI;
import io.swagger.v3.oas.models.Operation;
import io.swagger.v3.oas.models.PathItem;
import io.swagger.v3.oas.models.PathItem.HttpMethod;
import io.swagger.v3.oas.models.headers.Header;
import io.swagger.v3.oas.models.media.Schema;
import io.swagger.v3.oas.models.responses.ApiResponse;
import io.swagger.v3.parser.OpenAPIV3Parser;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;

/**
 * Holds every answer that any acceptance test gets against the interface's document: its status,
 * media type, headers and shape have to stand there. What does not is remembered, because many
 * answers come to threads whose failures nobody sees, and told when a shop is closed.
 */
final class Documented {
  private static final OpenAPI DOCUMENT = parse();
  private static final List<Place> PLACES = places();
  private static final Set<String> UNTRUE = ConcurrentHashMap.newKeySet();

  /** Unexpected answers, beyond which no more are remembered. */
  private static final int UNTRUE_MAX = 100;

  /** A documented path and what addresses it stands for. */
  private record Place(String path, Pattern addresses, PathItem item) {
    static Place of(String path, PathItem item) {
      return new Place(path, Pattern.compile(path.replaceAll("\\{[^}]*}", "[^/]*")), item);
    }
  }

  private Documented() {}

  static OpenAPI document() {
    return DOCUMENT;
  }

  private static OpenAPI parse() {
    try (var in = Documented.class.getResourceAsStream("/openapi.yaml")) {
      var text = new String(in.readAllBytes(), StandardCharsets.UTF_8);
      var parsed = new OpenAPIV3Parser().readContents(text);
      assertThat(parsed.getMessages()).isEmpty();
      return parsed.getOpenAPI();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Place> places() {
    var places = new ArrayList<Place>();
    DOCUMENT.getPaths().forEach((path, item) -> places.add(Place.of(path, item)));
    return List.copyOf(places);
  }

  /** Remembers the answer if it is not documented. */
  static void note(String method, String rawPath, Reply reply) {
    try {
      check(method, rawPath, reply);
    } catch (AssertionError e) {
      if (UNTRUE.size() < UNTRUE_MAX) {
        UNTRUE.add(e.getMessage().strip());
      }
    }
  }

  /** No answer until now was other than documented. */
  static void assertTrue() {
    var untrue = new TreeSet<>(UNTRUE);
    UNTRUE.removeAll(untrue);
    assertThat(untrue).as("answers that the interface's document does not tell of").isEmpty();
  }

  private static void check(String method, String rawPath, Reply reply) {
    var place = PLACES.stream().filter(p -> p.addresses().matcher(rawPath).matches()).findFirst();
    var operation = place.map(p -> p.item().readOperationsMap().get(HttpMethod.valueOf(method)));
    if (operation.isEmpty()) {
      // No address, or not this method; or what cannot even be an address.
      assertThat(reply.status()).as("%s to nowhere", method).isIn(400, 404, 405);
      assertMatches("Problem", schema("Problem"), reply.json());
      return;
    }
    var where = method + " " + place.get().path() + " answers " + reply.status();
    var response = response(operation.get(), reply.status());
    assertThat(response).as(where).isPresent();
    assertHeaders(where, response.get(), reply);
    assertBody(where, response.get(), reply);
  }

  private static Optional<ApiResponse> response(Operation operation, int status) {
    return Optional.ofNullable(operation.getResponses().get(Integer.toString(status)))
        .map(
            response ->
                response.get$ref() == null
                    ? response
                    : DOCUMENT.getComponents().getResponses().get(name(response.get$ref())));
  }

  private static void assertHeaders(String where, ApiResponse response, Reply reply) {
    Map<String, Header> headers = response.getHeaders() == null ? Map.of() : response.getHeaders();
    headers.forEach(
        (name, header) -> {
          if (Boolean.TRUE.equals(resolved(header).getRequired())) {
            assertThat(reply.header(name)).as(where + " with " + name).isNotEmpty();
          }
        });
    for (var name : List.of("Location", "Retry-After", "ETag")) {
      if (!reply.header(name).isEmpty()) {
        assertThat(headers).as(where + " with " + name).containsKey(name);
      }
    }
  }

  private static Header resolved(Header header) {
    return header.get$ref() == null
        ? header
        : DOCUMENT.getComponents().getHeaders().get(name(header.get$ref()));
  }

  private static void assertBody(String where, ApiResponse response, Reply reply) {
    var contentType = reply.header("Content-Type");
    if (response.getContent() == null) {
      assertThat(contentType).as(where).isEmpty();
      return;
    }
    var mediaType = contentType.replaceFirst("\\s*;.*", "");
    assertThat(response.getContent()).as(where).containsKey(mediaType);
    if (mediaType.endsWith("json")) {
      assertMatches(where, response.getContent().get(mediaType).getSchema(), reply.json());
    }
  }

  /** The named schema. */
  static Schema<?> schema(String name) {
    return DOCUMENT.getComponents().getSchemas().get(name);
  }

  private static void assertMatches(String where, Schema<?> schema, JsonNode json) {
    var target = schema.get$ref() == null ? schema : schema(name(schema.get$ref()));
    if (json.isNull()) {
      assertThat(types(target)).as(where).contains("null");
      return;
    }
    assertThat(types(target)).as(where).anyMatch(type -> isOf(type, json));
    if (target.getRequired() != null) {
      for (var field : target.getRequired()) {
        assertThat(json.has(field)).as(where + "." + field + " is required").isTrue();
      }
    }
    if (target.getEnum() != null) {
      assertThat(target.getEnum().stream().map(Object::toString)).as(where).contains(json.asText());
    }
    if (target.getItems() != null) {
      json.forEach(element -> assertMatches(where + "[]", target.getItems(), element));
    }
    if (target.getProperties() != null) {
      json.properties().forEach(field -> assertField(where, target, field));
    }
  }

  private static void assertField(
      String where, Schema<?> target, Map.Entry<String, JsonNode> field) {
    var property = target.getProperties().get(field.getKey());
    var path = where + "." + field.getKey();
    assertThat(property).as(path + " is documented").isNotNull();
    assertMatches(path, property, field.getValue());
  }

  private static String name(String ref) {
    return ref.substring(ref.lastIndexOf('/') + 1);
  }

  private static List<String> types(Schema<?> schema) {
    return schema.getTypes() == null
        ? List.of(String.valueOf(schema.getType()))
        : List.copyOf(schema.getTypes());
  }

  private static boolean isOf(String type, JsonNode json) {
    return switch (type) {
      case "object" -> json.isObject();
      case "array" -> json.isArray();
      case "string" -> json.isTextual();
      case "integer" -> json.isIntegralNumber();
      case "number" -> json.isNumber();
      case "boolean" -> json.isBoolean();
      default -> false;
    };
  }
}
