package flashsale.platform.json;

import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.deser.std.StdScalarDeserializer;
import com.fasterxml.jackson.databind.module.SimpleModule;
import flashsale.platform.ids.Ids;
import java.io.IOException;
import java.time.DateTimeException;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.UUID;
import java.util.function.Function;

/**
 * Text, ids and times as clients may send them: JSON strings only, each in one form only, and
 * within what PostgreSQL can keep. Jackson by itself also takes numbers and booleans as text, epoch
 * seconds as times, empty or base64 text as ids.
 */
final class StrictValues {
  private static final Instant EARLIEST = Instant.parse("0001-01-01T00:00:00Z");
  private static final Instant LATEST = Instant.parse("9999-12-31T23:59:59.999999Z");

  private StrictValues() {}

  static SimpleModule module() {
    return new SimpleModule("strict values")
        .addDeserializer(String.class, new Text<>(String.class, StrictValues::text))
        .addDeserializer(UUID.class, new Text<>(UUID.class, text -> Ids.parse(text).orElse(null)))
        .addDeserializer(Instant.class, new Text<>(Instant.class, StrictValues::instant));
  }

  /** PostgreSQL keeps no NUL in text, and half a surrogate pair cannot be encoded as UTF-8. */
  private static String text(String text) {
    for (int i = 0; i < text.length(); i++) {
      char c = text.charAt(i);
      if (Character.isHighSurrogate(c)
          && i + 1 < text.length()
          && Character.isLowSurrogate(text.charAt(i + 1))) {
        i++;
      } else if (c == 0 || Character.isSurrogate(c)) {
        return null;
      }
    }
    return text;
  }

  /** Microseconds, as PostgreSQL has them; what is finer is cut off. */
  private static Instant instant(String text) {
    try {
      var instant = Instant.parse(text).truncatedTo(ChronoUnit.MICROS);
      return instant.isBefore(EARLIEST) || instant.isAfter(LATEST) ? null : instant;
    } catch (DateTimeException e) {
      return null;
    }
  }

  /** Reads a JSON string; the reading answers null for what it does not take. */
  private static final class Text<T> extends StdScalarDeserializer<T> {
    private static final long serialVersionUID = 1L;

    private final transient Function<String, T> reading;

    Text(Class<T> type, Function<String, T> reading) {
      super(type);
      this.reading = reading;
    }

    @Override
    public T deserialize(JsonParser parser, DeserializationContext context) throws IOException {
      if (!parser.hasToken(JsonToken.VALUE_STRING)) {
        throw context.wrongTokenException(
            parser, handledType(), JsonToken.VALUE_STRING, "only a string is taken");
      }
      var value = reading.apply(parser.getText());
      if (value == null) {
        throw context.weirdStringException(parser.getText(), handledType(), "not in the form");
      }
      return value;
    }
  }
}
