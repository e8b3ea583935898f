package flashsale.server;

import flashsale.checkout.Recovery;
import flashsale.platform.messaging.Bus;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.DirectBus;
import flashsale.platform.messaging.Outbox;
import flashsale.platform.metrics.Meters;
import flashsale.platform.persistence.Database;
import java.time.Instant;
import java.time.InstantSource;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The outbox of each role that is here, and beside it where its messages go that cannot be driven
 * to their end. Thread-safe.
 */
final class Outboxes {
  private final int waitingMax;
  private final InstantSource clock;
  private final Meters meters;
  private final Map<String, DeadLetters> letters = new ConcurrentHashMap<>();
  private final Map<String, DirectBus.Queue> queues = new ConcurrentHashMap<>();

  /**
   * @param waitingMax messages in each after which nothing more is accepted
   */
  Outboxes(int waitingMax, InstantSource clock, Meters meters) {
    this.waitingMax = waitingMax;
    this.clock = clock;
    this.meters = meters;
  }

  /** The outbox in a role's database. */
  Outbox of(Database database) {
    var role = database.name();
    var outbox = new Outbox(database, waitingMax);
    var dead = new DeadLetters(database, outbox, clock);
    letters.put(role, dead);
    queues.put(role, new DirectBus.Queue(outbox, dead));
    meters.gauge(
        "flashsale.outbox.waiting", "Messages not driven to their end", "role", role, outbox::size);
    meters.gauge(
        "flashsale.outbox.lag.seconds",
        "Age of the oldest message that is due and has not been driven to its end",
        "role",
        role,
        () -> outbox.lag(clock.instant()).toNanos() / 1e9);
    meters.gauge(
        "flashsale.dead_letters",
        "Messages that wait for an operator's decision",
        "role",
        role,
        dead::count);
    return outbox;
  }

  /**
   * What a role could never do lies in that role's own database; what could not even be carried to
   * a role elsewhere, in one that is here.
   */
  void park(String role, Bus.Message message, Instant firstAttempt, Throwable reason) {
    var own = letters.get(role);
    (own == null ? letters.values().iterator().next() : own).park(message, firstAttempt, reason);
  }

  /**
   * For the recovery of a role's walks: it parks what it gives up among the role's own letters.
   *
   * @param others the roles that its walks go through; those of them that are here may have given
   *     up one of them too
   */
  Recovery.Letters ofWalks(String role, String... others) {
    var own = letters.get(role);
    var all =
        Stream.concat(
                Stream.of(own), Arrays.stream(others).map(letters::get).filter(Objects::nonNull))
            .toList();
    return new Recovery.Letters() {
      @Override
      public Set<UUID> givenUp(Map<UUID, UUID> walks, Set<String> types) {
        return all.stream()
            .flatMap(dead -> dead.givenUp(walks, types).stream())
            .collect(Collectors.toSet());
      }

      @Override
      public void park(Bus.Message message, Instant firstAt, Throwable failure) {
        own.park(message, firstAt, failure);
      }
    };
  }

  /** By role. */
  Map<String, DeadLetters> letters() {
    return letters;
  }

  /** By role, for the relays. */
  Map<String, DirectBus.Queue> queues() {
    return queues;
  }
}
