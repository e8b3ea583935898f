package flashsale.platform.messaging;

import com.fasterxml.jackson.annotation.JsonRawValue;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Instant;
import java.util.Map;
import java.util.UUID;
import java.util.stream.Collectors;

/**
 * Puts messages into their envelope and reads them again: {@code id}, {@code type} (a stable name
 * with its version), {@code at}, {@code key}, {@code trace}, {@code data}. The id is derived from
 * type, key and data, so that a duplicate is recognisable. Readers ignore unknown fields.
 * Thread-safe.
 *
 * @param <T> what all messages are
 */
public final class Envelopes<T> {
  /** An envelope that was read. */
  public record Opened<T>(UUID id, String type, Instant at, UUID key, String trace, T message) {}

  /** A message in its envelope, with what has to be known of it outside. */
  public record Sealed(UUID id, UUID key, String envelope) {}

  private record Envelope(
      UUID id, String type, Instant at, UUID key, String trace, @JsonRawValue String data) {}

  /** A number that another version does not tell is missing, and no zero. */
  private static final ObjectReader READER =
      Json.tolerant().reader().with(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES);

  private static final ObjectReader ID = READER.forType(UUID.class);
  private static final ObjectReader TEXT = READER.forType(String.class);
  private static final ObjectReader INSTANT = READER.forType(Instant.class);

  private static final UUID SCOPE = UUID.fromString("6f1d3a52-0c1e-8b7a-9a55-2d7f9f0c4e11");

  private final Map<String, ObjectReader> readers;
  private final Map<Class<? extends T>, String> names;

  /**
   * For these types of messages.
   *
   * @param types the stable names and what they stand for
   */
  public Envelopes(Map<String, Class<? extends T>> types) {
    this.readers =
        types.entrySet().stream()
            .collect(
                Collectors.toUnmodifiableMap(
                    Map.Entry::getKey, entry -> READER.forType(entry.getValue())));
    this.names =
        types.entrySet().stream().collect(Collectors.toMap(Map.Entry::getValue, Map.Entry::getKey));
  }

  /** The stable name of a message's type. */
  public String type(T message) {
    var name = names.get(message.getClass());
    if (name == null) {
      throw new IllegalArgumentException("no name for " + message.getClass().getSimpleName());
    }
    return name;
  }

  /** The message's derived id. */
  public UUID id(T message) {
    return id(type(message), Json.text(message));
  }

  private static UUID id(String type, String data) {
    return Ids.derive(SCOPE, type + data);
  }

  /**
   * The message in its envelope, which is JSON text.
   *
   * @param trace W3C traceparent, or null
   */
  public Sealed seal(T message, UUID key, Instant at, String trace) {
    var type = type(message);
    var data = Json.text(message);
    var id = id(type, data);
    return new Sealed(id, key, Json.text(new Envelope(id, type, at, key, trace, data)));
  }

  /**
   * Reads an envelope.
   *
   * @throws UnreadableEnvelope for an unknown type or data that does not fit it
   */
  public Opened<T> open(String json) {
    try (var parser = READER.createParser(json)) {
      return new Opening().read(parser);
    } catch (JsonProcessingException e) {
      throw new UnreadableEnvelope("unreadable message: " + Json.explain(e));
    } catch (IOException e) {
      throw new UncheckedIOException("text in memory could not be read", e);
    }
  }

  /** One envelope that is being read, in one pass where its type comes before its data. */
  private final class Opening {
    private UUID id;
    private String type;
    private Instant at;
    private UUID key;
    private String trace;

    /** The message; or, until its type is known, the tree of it. */
    private Object data;

    Opened<T> read(JsonParser parser) throws IOException {
      if (parser.nextToken() == JsonToken.START_OBJECT) {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
          field(parser.currentName(), parser);
        }
      }
      if (id == null || type == null || at == null || key == null || data == null) {
        throw new UnreadableEnvelope("unreadable message: id, type, at, key or data is missing");
      }
      if (!readers.containsKey(type)) {
        throw new UnreadableEnvelope("unknown type of message: " + type);
      }
      T message = data instanceof JsonNode tree ? readers.get(type).readValue(tree) : message();
      return new Opened<>(id, type, at, key, trace, message);
    }

    private void field(String name, JsonParser parser) throws IOException {
      boolean isNull = parser.nextToken() == JsonToken.VALUE_NULL;
      switch (name) {
        case "id" -> id = ID.readValue(parser);
        case "type" -> type = TEXT.readValue(parser);
        case "at" -> at = INSTANT.readValue(parser);
        case "key" -> key = ID.readValue(parser);
        case "trace" -> trace = TEXT.readValue(parser);
        case "data" -> data = isNull ? null : data(parser);
        default -> parser.skipChildren();
      }
    }

    private Object data(JsonParser parser) throws IOException {
      var reader = type == null ? null : readers.get(type);
      return reader == null ? READER.readTree(parser) : reader.readValue(parser);
    }

    @SuppressWarnings("unchecked") // The reader of a T made it.
    private T message() {
      return (T) data;
    }
  }

  /** The same from UTF-8 bytes. */
  public Opened<T> open(byte[] json) {
    return open(new String(json, StandardCharsets.UTF_8));
  }

  /**
   * A message without its envelope: unknown fields are ignored, what is missing is null.
   *
   * @throws JsonProcessingException if it is none of this type, or a number of it is missing
   */
  public static <M> M read(JsonNode data, Class<M> type) throws JsonProcessingException {
    return READER.treeToValue(data, type);
  }

  /** A message that nobody here can read; retrying does not help. */
  public static final class UnreadableEnvelope extends Permanent {
    private static final long serialVersionUID = 1L;

    public UnreadableEnvelope(String message) {
      super(message);
    }
  }
}
