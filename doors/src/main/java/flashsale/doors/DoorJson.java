package flashsale.doors;

import com.fasterxml.jackson.core.JsonGenerator;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.databind.BeanDescription;
import com.fasterxml.jackson.databind.DeserializationConfig;
import com.fasterxml.jackson.databind.DeserializationContext;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JavaType;
import com.fasterxml.jackson.databind.JsonDeserializer;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.JsonSerializer;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializerProvider;
import com.fasterxml.jackson.databind.module.SimpleDeserializers;
import com.fasterxml.jackson.databind.module.SimpleModule;
import com.fasterxml.jackson.datatype.jdk8.Jdk8Module;
import flashsale.contracts.Fact;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.Envelopes;
import java.io.IOException;
import java.lang.reflect.Method;
import java.lang.reflect.Type;
import java.util.Arrays;
import java.util.List;

/**
 * What goes through a door: a JSON array of the method's arguments, and back its result. A fact is
 * {@code {"type": …, "data": …}} under its stable name, as in an envelope; unknown fields are
 * ignored, so an older and a newer process understand each other.
 */
final class DoorJson {
  private static final ObjectMapper MAPPER =
      Json.tolerant()
          .copy()
          .enable(DeserializationFeature.FAIL_ON_NULL_FOR_PRIMITIVES)
          .registerModule(new Jdk8Module())
          .registerModule(facts());

  private DoorJson() {}

  static byte[] arguments(Object[] arguments) throws IOException {
    return MAPPER.writeValueAsBytes(arguments == null ? List.of() : arguments);
  }

  /**
   * The arguments of a method.
   *
   * @throws IOException if these are no arguments of it
   */
  static Object[] arguments(Method method, byte[] json) throws IOException {
    var types = method.getGenericParameterTypes();
    JsonNode given = MAPPER.readTree(json);
    if (!given.isArray() || given.size() != types.length) {
      throw new IOException(method.getName() + " takes " + types.length + " arguments in a list");
    }
    var arguments = new Object[types.length];
    for (int i = 0; i < types.length; i++) {
      arguments[i] = MAPPER.readerFor(type(types[i])).readValue(given.get(i));
    }
    return arguments;
  }

  static byte[] result(Object result) throws IOException {
    return MAPPER.writeValueAsBytes(result);
  }

  static Object result(Method method, byte[] json) throws IOException {
    return MAPPER.readerFor(type(method.getGenericReturnType())).readValue(json);
  }

  private static JavaType type(Type type) {
    return MAPPER.constructType(type);
  }

  private static SimpleModule facts() {
    var module = new SimpleModule("facts");
    module.addSerializer(Fact.class, new FactWriter());
    module.setDeserializers(new FactReaders());
    return module;
  }

  private static final class FactWriter extends JsonSerializer<Fact> {
    private final Envelopes<Fact> envelopes = new Envelopes<>(Fact.TYPES);

    @Override
    public void serialize(Fact fact, JsonGenerator json, SerializerProvider all)
        throws IOException {
      json.writeStartObject();
      json.writeStringField("type", envelopes.type(fact));
      json.writeFieldName("data");
      json.writeRawValue(Json.text(fact));
      json.writeEndObject();
    }
  }

  /** For the sealed interface, and for each of its records. */
  private static final class FactReaders extends SimpleDeserializers {
    private static final long serialVersionUID = 1L;

    @Override
    public JsonDeserializer<?> findBeanDeserializer(
        JavaType type, DeserializationConfig config, BeanDescription about) {
      return Fact.class.isAssignableFrom(type.getRawClass())
          ? new FactReader(type.getRawClass())
          : null;
    }
  }

  private static final class FactReader extends JsonDeserializer<Fact> {
    private final Class<?> wanted;

    FactReader(Class<?> wanted) {
      this.wanted = wanted;
    }

    @Override
    public Fact deserialize(JsonParser parser, DeserializationContext context) throws IOException {
      JsonNode given = context.readTree(parser);
      var name = given.path("type").asText();
      var type = Fact.TYPES.get(name);
      if (type == null || !wanted.isAssignableFrom(type)) {
        throw new IOException("unknown type of fact: '" + name + "'");
      }
      var fact = Envelopes.read(given.path("data"), type);
      if (fact == null || fact.key() == null) {
        throw new IOException(name + " without its key");
      }
      return fact;
    }
  }

  /** The one method of a door with this name. */
  static Method method(Class<?> door, String name) {
    return Arrays.stream(door.getMethods())
        .filter(method -> method.getName().equals(name))
        .findFirst()
        .orElseThrow(() -> new IllegalArgumentException(door.getSimpleName() + " has no " + name));
  }
}
