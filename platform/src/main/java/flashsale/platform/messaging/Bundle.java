package flashsale.platform.messaging;

import com.rabbitmq.client.AMQP.BasicProperties;
import flashsale.platform.messaging.Bus.Message;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/**
 * Messages that travel in one AMQP message, because a broker's work is per AMQP message. The body
 * is one envelope a line (newline-delimited JSON), readable for everybody; the header {@link #IDS}
 * has 32 bytes for each line, its id and its key, so that the bus need not read the JSON.
 */
final class Bundle {
  static final String IDS = "flashsale-ids";
  static final String CONTENT_TYPE = "application/x-ndjson";

  /** Messages in one AMQP message; also keeps the header well within AMQP's frame. */
  static final int MESSAGES_MAX = 64;

  /** Bytes after which a bundle takes no more; one envelope alone may be larger. */
  static final int BYTES_MAX = 128 * 1024;

  private static final int ID_BYTES = 32;

  private final List<Message> messages = new ArrayList<>();
  private int chars;

  List<Message> messages() {
    return messages;
  }

  private boolean add(Message message) {
    // An envelope is nearly always ASCII, and the bound is a soft one.
    int length = message.envelope().length() + 1;
    if (!messages.isEmpty() && (messages.size() == MESSAGES_MAX || chars + length > BYTES_MAX)) {
      return false;
    }
    messages.add(message);
    chars += length;
    return true;
  }

  static Bundle of(Message message) {
    var bundle = new Bundle();
    bundle.add(message);
    return bundle;
  }

  /**
   * Packs as many messages as possible into bundles that may be sent side by side: all of one key
   * are in the same bundle, in their order. Those for which it has no place are left.
   *
   * @param left gets them, in their order, for the next round
   */
  static List<Bundle> pack(List<Message> messages, List<Message> left) {
    var bundles = new ArrayList<Bundle>();
    Map<UUID, Bundle> ofKey = new HashMap<>();
    Set<UUID> leftKeys = new HashSet<>();
    for (var message : messages) {
      var bundle = ofKey.get(message.key());
      if (bundle == null) {
        bundle = bundles.isEmpty() ? new Bundle() : bundles.getLast();
        if (!bundle.add(message)) {
          bundle = of(message);
        }
        if (bundles.isEmpty() || bundles.getLast() != bundle) {
          bundles.add(bundle);
        }
        ofKey.put(message.key(), bundle);
      } else if (leftKeys.contains(message.key()) || !bundle.add(message)) {
        leftKeys.add(message.key());
        left.add(message);
      }
    }
    return bundles;
  }

  byte[] ids() {
    var bytes = ByteBuffer.allocate(messages.size() * ID_BYTES);
    for (var message : messages) {
      put(bytes, message.id());
      put(bytes, message.key());
    }
    return bytes.array();
  }

  /** A line break within JSON is white space, because within its strings it is escaped. */
  byte[] body() {
    var text = new StringBuilder(chars);
    for (var message : messages) {
      text.append(message.envelope().replace('\n', ' ')).append('\n');
    }
    return text.toString().getBytes(StandardCharsets.UTF_8);
  }

  /**
   * Reads what was packed.
   *
   * @throws Permanent if this is not what the other methods here write
   */
  static List<Message> unpack(Object ids, byte[] body, int attempts) {
    var lines = new String(body, StandardCharsets.UTF_8).split("\n", -1);
    if (!(ids instanceof byte[] bytes) || bytes.length != (lines.length - 1) * ID_BYTES) {
      throw new Permanent(
          "an AMQP message of " + body.length + " bytes without one id for each of its lines");
    }
    var buffer = ByteBuffer.wrap(bytes);
    var messages = new ArrayList<Message>(lines.length - 1);
    for (int i = 0; i < lines.length - 1; i++) {
      messages.add(new Message(uuid(buffer), uuid(buffer), lines[i], attempts));
    }
    return messages;
  }

  /** How many messages an AMQP message of ours carries, without a look at its body. */
  static int count(BasicProperties properties) {
    return ids(properties) instanceof byte[] bytes ? Math.max(1, bytes.length / ID_BYTES) : 1;
  }

  static Object ids(BasicProperties properties) {
    return properties.getHeaders() == null ? null : properties.getHeaders().get(IDS);
  }

  private static void put(ByteBuffer bytes, UUID id) {
    bytes.putLong(id.getMostSignificantBits()).putLong(id.getLeastSignificantBits());
  }

  private static UUID uuid(ByteBuffer bytes) {
    return new UUID(bytes.getLong(), bytes.getLong());
  }
}
