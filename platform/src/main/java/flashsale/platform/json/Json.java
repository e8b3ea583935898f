package flashsale.platform.json;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.exc.InputCoercionException;
import com.fasterxml.jackson.core.exc.StreamConstraintsException;
import com.fasterxml.jackson.core.util.JsonRecyclerPools;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonMappingException;
import com.fasterxml.jackson.databind.MapperFeature;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.cfg.CoercionAction;
import com.fasterxml.jackson.databind.cfg.CoercionInputShape;
import com.fasterxml.jackson.databind.exc.InvalidFormatException;
import com.fasterxml.jackson.databind.exc.MismatchedInputException;
import com.fasterxml.jackson.databind.exc.UnrecognizedPropertyException;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.type.LogicalType;
import com.fasterxml.jackson.datatype.jsr310.JavaTimeModule;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.stream.Collectors;

/** The two ways in which JSON is read here, and the one in which it is written. Thread-safe. */
public final class Json {
  private static final int NESTING_MAX = 32;
  private static final int STRING_MAX_CHARS = 100_000;
  private static final int NUMBER_MAX_CHARS = 40;
  private static final int PATH_MAX_CHARS = 100;

  private static final ObjectMapper TOLERANT =
      JsonMapper.builder(factory())
          .addModule(new JavaTimeModule())
          .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
          .disable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .build();

  private static final ObjectMapper STRICT =
      JsonMapper.builder(factory())
          .addModule(new JavaTimeModule())
          .addModule(StrictValues.module())
          .disable(SerializationFeature.WRITE_DATES_AS_TIMESTAMPS)
          .enable(DeserializationFeature.FAIL_ON_UNKNOWN_PROPERTIES)
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .enable(DeserializationFeature.FAIL_ON_NUMBERS_FOR_ENUMS)
          .disable(DeserializationFeature.ACCEPT_FLOAT_AS_INT)
          .disable(MapperFeature.ALLOW_COERCION_OF_SCALARS)
          .withCoercionConfig(
              LogicalType.Textual,
              text ->
                  text.setCoercion(CoercionInputShape.Integer, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Float, CoercionAction.Fail)
                      .setCoercion(CoercionInputShape.Boolean, CoercionAction.Fail))
          .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
          .build();

  private Json() {}

  private static JsonFactory factory() {
    // Buffers of each thread, as by default, are made anew for every virtual thread.
    return JsonFactory.builder()
        .recyclerPool(JsonRecyclerPools.sharedConcurrentDequePool())
        .streamReadConstraints(
            StreamReadConstraints.builder()
                .maxNestingDepth(NESTING_MAX)
                .maxStringLength(STRING_MAX_CHARS)
                .maxNumberLength(NUMBER_MAX_CHARS)
                .build())
        .build();
  }

  /**
   * For what clients send: an unknown field, a number in quotes or a trailing word is an error, and
   * text that no database can keep too.
   */
  public static ObjectMapper strict() {
    return STRICT;
  }

  /** For what services say to each other: unknown fields are ignored. */
  public static ObjectMapper tolerant() {
    return TOLERANT;
  }

  /** UTF-8 JSON. */
  public static byte[] bytes(Object value) {
    try {
      return TOLERANT.writeValueAsBytes(value);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** JSON as text. */
  public static String text(Object value) {
    try {
      return TOLERANT.writeValueAsString(value);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Reads tolerantly what this system wrote itself. */
  public static <T> T read(String json, Class<T> type) {
    try {
      return TOLERANT.readValue(json, type);
    } catch (JsonProcessingException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** One sentence for the sender: where and what, without class names. */
  public static String explain(JsonProcessingException e) {
    var where = e instanceof JsonMappingException m ? path(m) : "";
    var at = where.isEmpty() ? "" : " at '" + where + "'";
    return switch (e) {
      case UnrecognizedPropertyException u -> "Unknown field '" + where + "'.";
      case InvalidFormatException i -> "Wrong value" + at + expected(i.getTargetType()) + ".";
      case MismatchedInputException m ->
          "Wrong or missing value" + at + expected(m.getTargetType()) + ".";
      case JsonMappingException m -> "Wrong or missing value" + at + ".";
      case InputCoercionException c -> "A number is out of range.";
      case StreamConstraintsException c -> "The body is nested too deeply, or a value is too long.";
      default -> "The body is not well-formed JSON.";
    };
  }

  private static String path(JsonMappingException e) {
    return e.getPath().stream()
        .map(r -> r.getFieldName() != null ? r.getFieldName() : "[" + r.getIndex() + "]")
        .collect(Collectors.joining("."))
        .replace(".[", "[")
        // What the sender wrote is sent back: shortened, and nothing that could not be encoded.
        .replaceAll("[^\\x20-\\x7e]", "?")
        .transform(p -> p.length() <= PATH_MAX_CHARS ? p : p.substring(0, PATH_MAX_CHARS) + "…");
  }

  private static String expected(Class<?> type) {
    if (type == null) {
      return "";
    }
    if (type.isEnum()) {
      return ": expected one of " + Arrays.toString(type.getEnumConstants());
    }
    return switch (type.getSimpleName()) {
      case "UUID" -> ": expected an id (UUID)";
      case "Instant" -> ": expected a time (2026-01-31T12:00:00Z)";
      case "int", "Integer", "long", "Long" -> ": expected a whole number";
      case "boolean", "Boolean" -> ": expected true or false";
      case "String" -> ": expected text without NUL and without halves of characters";
      case "List" -> ": expected a list";
      default -> "";
    };
  }
}
