package flashsale.acceptance;

import com.fasterxml.jackson.databind.JsonNode;
import com.rabbitmq.client.AMQP.BasicProperties;
import com.rabbitmq.client.Channel;
import com.rabbitmq.client.Connection;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.TestRabbit;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * Stands at the broker between the exchange and the roles' queues: lets every fact through twice,
 * the second time later, and the facts of different keys in a random order.
 */
final class Meddler implements AutoCloseable {
  static final List<String> ROLES = List.of("inventory", "orders", "payments", "reservations");

  private static final String EXCHANGE = "flashsale.facts";
  private static final String IDS = "flashsale-ids";
  private static final int ID_BYTES = 32;
  private static final int QUIET_ROUNDS = 20;
  private static final Duration ROUND = Duration.ofMillis(50);

  /** A fact as it travels: its id and key, and its envelope. */
  private record Item(byte[] ids, String line) {
    UUID key() {
      var bytes = ByteBuffer.wrap(ids, ID_BYTES / 2, ID_BYTES / 2);
      return new UUID(bytes.getLong(), bytes.getLong());
    }

    String type() {
      return Json.read(line, JsonNode.class).path("type").asText();
    }
  }

  private final Connection connection;
  private final Channel channel;
  private final Random random;
  private final Map<String, List<Item>> again = new HashMap<>();
  private final Thread thread;
  private volatile boolean closing;
  private final AtomicInteger passed = new AtomicInteger();

  /** How often each key's facts of a type were made. */
  private final Map<String, Integer> made = new ConcurrentHashMap<>();

  private volatile boolean quiet;

  /** Begins; the shop has declared its queues. */
  Meddler(TestRabbit broker, long seed) {
    this.random = new Random(seed);
    this.connection = broker.connect();
    try {
      this.channel = connection.createChannel();
      for (var role : ROLES) {
        channel.queueDeclare("meddler." + role, false, true, false, Map.of());
        channel.queueBind("meddler." + role, EXCHANGE, role);
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    this.thread = Thread.ofVirtual().name("meddler").start(this::run);
  }

  private void run() {
    int rounds = 0;
    while (!closing) {
      boolean nothing = true;
      for (var role : ROLES) {
        nothing &= round(role);
      }
      rounds = nothing ? rounds + 1 : 0;
      quiet = rounds >= QUIET_ROUNDS;
      LockSupport.parkNanos(ROUND.toNanos());
    }
  }

  /** Whether there was nothing to do. */
  private boolean round(String role) {
    try {
      // Whoever subscribes anew binds anew; what slips through then arrives three times.
      channel.queueUnbind("flashsale." + role, EXCHANGE, role);
      var fresh = new ArrayList<Item>();
      for (var got = channel.basicGet("meddler." + role, true);
          got != null;
          got = channel.basicGet("meddler." + role, true)) {
        fresh.addAll(items(got.getProps(), got.getBody()));
      }
      var out = new ArrayList<>(fresh);
      out.addAll(again.getOrDefault(role, List.of()));
      for (var item : shuffled(out)) {
        publish(role, item);
      }
      again.put(role, fresh);
      passed.addAndGet(fresh.size());
      fresh.forEach(item -> made.merge(item.type() + item.key(), 1, Integer::sum));
      return out.isEmpty();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  private static List<Item> items(BasicProperties properties, byte[] body) {
    var ids = (byte[]) properties.getHeaders().get(IDS);
    var lines = new String(body, StandardCharsets.UTF_8).lines().toList();
    var items = new ArrayList<Item>();
    for (int i = 0; i < lines.size(); i++) {
      items.add(new Item(Arrays.copyOfRange(ids, i * ID_BYTES, (i + 1) * ID_BYTES), lines.get(i)));
    }
    return items;
  }

  /** In order per key, and in any order otherwise. */
  private List<Item> shuffled(List<Item> items) {
    Map<UUID, Deque<Item>> ofKey = new LinkedHashMap<>();
    items.forEach(i -> ofKey.computeIfAbsent(i.key(), k -> new ArrayDeque<>()).add(i));
    var keys = new ArrayList<>(ofKey.keySet());
    var out = new ArrayList<Item>();
    while (!keys.isEmpty()) {
      int at = random.nextInt(keys.size());
      var left = ofKey.get(keys.get(at));
      out.add(left.poll());
      if (left.isEmpty()) {
        keys.remove(at);
      }
    }
    return out;
  }

  private void publish(String role, Item item) throws IOException {
    var properties =
        new BasicProperties.Builder().deliveryMode(2).headers(Map.of(IDS, item.ids)).build();
    var body = (item.line + "\n").getBytes(StandardCharsets.UTF_8);
    channel.basicPublish("", "flashsale." + role, properties, body);
  }

  /** Facts that were let through twice. */
  int passed() {
    return passed.get();
  }

  /** How often a step has made a fact of this type about this key. */
  int made(String type, UUID key) {
    return made.getOrDefault(type + key, 0);
  }

  /** Nothing came, and nothing was to be repeated, for a while. */
  boolean quiet() {
    return quiet;
  }

  @Override
  public void close() {
    closing = true;
    try {
      thread.join();
      connection.close();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
