package flashsale.platform.messaging;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectReader;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
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

  private record Envelope(
      UUID id, String type, Instant at, UUID key, String trace, JsonNode data) {}

  /** A number that another version does not tell is missing, and no zero. */
  private static final ObjectReader READER =
      Json.tolerant().reader().with(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES);

  private static final UUID SCOPE = UUID.fromString("6f1d3a52-0c1e-8b7a-9a55-2d7f9f0c4e11");

  private final Map<String, Class<? extends T>> types;
  private final Map<Class<? extends T>, String> names;

  /**
   * For these types of messages.
   *
   * @param types the stable names and what they stand for
   */
  public Envelopes(Map<String, Class<? extends T>> types) {
    this.types = Map.copyOf(types);
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
    return Ids.derive(SCOPE, type(message) + Json.text(message));
  }

  /**
   * The envelope as JSON text.
   *
   * @param trace W3C traceparent, or null
   */
  public String seal(T message, UUID key, Instant at, String trace) {
    JsonNode data = Json.tolerant().valueToTree(message);
    return Json.text(new Envelope(id(message), type(message), at, key, trace, data));
  }

  /**
   * Reads an envelope.
   *
   * @throws UnreadableEnvelope for an unknown type or data that does not fit it
   */
  public Opened<T> open(String json) {
    try {
      var envelope = Json.tolerant().readValue(json, Envelope.class);
      if (envelope == null
          || envelope.id == null
          || envelope.type == null
          || envelope.at == null
          || envelope.key == null
          || envelope.data == null
          || envelope.data.isNull()) {
        throw new UnreadableEnvelope("unreadable message: id, type, at, key or data is missing");
      }
      var type = types.get(envelope.type);
      if (type == null) {
        throw new UnreadableEnvelope("unknown type of message: " + envelope.type);
      }
      T message = read(envelope.data, type);
      return new Opened<>(
          envelope.id, envelope.type, envelope.at, envelope.key, envelope.trace, message);
    } catch (JsonProcessingException e) {
      throw new UnreadableEnvelope("unreadable message: " + Json.explain(e));
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
