package flashsale.lab;

import flashsale.lab.Accounts.Account;
import java.io.IOException;
import java.net.URI;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentMap;
import java.util.stream.Collectors;

/**
 * What the shop has promised to a crowd, so that it can be asked for afterwards: through restarts
 * and crashes, each reservation, order and payment that was answered must still be there, and each
 * captured payment must end in a paid order or in a refund. Thread-safe.
 */
public final class Promises {
  /** The most that the shop has said about a reservation so far. */
  public enum Seen {
    /** 201: units are held, an order is placed. */
    HELD,
    /** 200 to a release. */
    RELEASED,
    /** 402: not paid with that card. The hold stays. */
    DECLINED,
    /** 202: paid or not, to be told later; 410: too late, so what was charged goes back. */
    PAYMENT_UNKNOWN,
    /** 201: the money is taken. */
    CAPTURED
  }

  /**
   * One reservation and what became of it.
   *
   * @param paymentId of the last payment that was answered; null: none
   * @param payTried a payment was asked for that has no final answer
   * @param releaseTried a release was asked for
   * @param expiresAt until when the hold was promised at least
   */
  public record Promise(
      Account account,
      UUID reservationId,
      UUID orderId,
      UUID paymentId,
      Seen seen,
      boolean payTried,
      boolean releaseTried,
      long totalMinor,
      Instant expiresAt) {
    Promise paying() {
      return with(paymentId, seen, true, releaseTried);
    }

    Promise releasing() {
      return with(paymentId, seen, payTried, true);
    }

    Promise answered(UUID newPaymentId, Seen newSeen) {
      boolean open = newSeen == Seen.PAYMENT_UNKNOWN;
      return with(newPaymentId, newSeen, open, releaseTried);
    }

    private Promise with(UUID newPayment, Seen newSeen, boolean paying, boolean releasing) {
      return new Promise(
          account,
          reservationId,
          orderId,
          newPayment,
          newSeen,
          paying,
          releasing,
          totalMinor,
          expiresAt);
    }
  }

  /** A promise that is not kept. */
  public record Broken(Promise promise, String what) {}

  private static final int AT_ONCE = 8;
  private static final Duration LOOK_AGAIN = Duration.ofMillis(250);

  private final ConcurrentMap<UUID, Promise> all = new ConcurrentHashMap<>();

  /** Records what is known about the reservation now, instead of what was known before. */
  Promise put(Promise promise) {
    all.put(promise.reservationId(), promise);
    return promise;
  }

  /** All of them as they are known now. */
  public Collection<Promise> all() {
    return List.copyOf(all.values());
  }

  /** How many there are of each kind. */
  public Map<Seen, Long> counts() {
    return all.values().stream()
        .collect(Collectors.groupingBy(Promise::seen, Collectors.counting()));
  }

  /** Asks a server about each of them, and waits up to 30 s for what is still under way. */
  public List<Broken> verify(URI server) {
    return verify(server, Duration.ofSeconds(30));
  }

  /**
   * Asks a server about each of them, as the customer to whom it was given.
   *
   * @param settleMax how long what is still under way may take to reach its end
   * @return those that are not kept
   */
  public List<Broken> verify(URI server, Duration settleMax) {
    var accounts = new Accounts(() -> server, new Tally(), AT_ONCE);
    var byAccount = all.values().stream().collect(Collectors.groupingBy(Promise::account));
    long deadline = System.nanoTime() + settleMax.toNanos();
    return accounts
        .asEach(
            List.copyOf(byAccount.keySet()),
            (client, session) -> {
              var broken = new ArrayList<Broken>();
              for (var promise : byAccount.get(session.account())) {
                var ledger = new Asked(client, session.accessToken());
                complaint(ledger, promise, deadline)
                    .ifPresent(what -> broken.add(new Broken(promise, what)));
              }
              return broken;
            })
        .stream()
        .flatMap(List::stream)
        .toList();
  }

  /** The shop as one signed-in customer sees it. */
  private record Asked(Client client, String token) {
    Client.Answered about(String things, UUID id) throws IOException {
      return client.call("verify", "GET", "/api/v1/" + things + "/" + id, token, null, null);
    }
  }

  private static Optional<String> complaint(Asked shop, Promise promise, long deadline)
      throws IOException, InterruptedException {
    while (true) {
      var complaint = complaint(shop, promise);
      if (complaint.isEmpty() || System.nanoTime() > deadline) {
        return complaint;
      }
      Thread.sleep(LOOK_AGAIN);
    }
  }

  private static Optional<String> complaint(Asked shop, Promise promise) throws IOException {
    var reservation = shop.about("reservations", promise.reservationId());
    var order = shop.about("orders", promise.orderId());
    if (!reservation.ok() || !order.ok()) {
      return Optional.of("lost: reservation %s, order %s".formatted(reservation, order));
    }
    if (!reservation.id("orderId").equals(promise.orderId())
        || !order.id("reservationId").equals(promise.reservationId())
        || order.body().path("totalMinor").asLong() != promise.totalMinor()) {
      return Optional.of("changed: reservation %s, order %s".formatted(reservation, order));
    }
    var paymentState = "";
    if (promise.paymentId() != null) {
      var payment = shop.about("payments", promise.paymentId());
      if (!payment.ok()) {
        return Optional.of("lost: payment " + payment);
      }
      paymentState = payment.body().path("state").asText();
    }
    var now = "%s/%s/%s".formatted(state(reservation), state(order), paymentState);
    return allowed(promise, Instant.now()).contains(now)
        ? Optional.empty()
        : Optional.of("is %s (reservation/order/payment)".formatted(now));
  }

  private static String state(Client.Answered answered) {
    return answered.body().path("state").asText();
  }

  /** Reservation/order/payment as they may stand in the end, after what the customer was told. */
  static Set<String> allowed(Promise promise, Instant now) {
    var last = promise.paymentId() == null ? "" : "DECLINED";
    var ends = new HashSet<String>();
    switch (promise.seen()) {
      case CAPTURED -> ends.addAll(PAID);
      case RELEASED -> ends.add("RELEASED/CANCELLED/" + last);
      case PAYMENT_UNKNOWN -> {
        ends.addAll(PAID);
        ends.addAll(unpaid(promise, now, "DECLINED"));
      }
      case HELD, DECLINED -> {
        ends.addAll(unpaid(promise, now, last));
        if (promise.payTried()) {
          ends.add("CONFIRMED/PAID/" + last);
          // A payment that got no answer may have come too late and been refunded.
          ends.add("EXPIRED/CANCELLED/" + last);
        }
      }
    }
    return ends;
  }

  private static final Set<String> PAID =
      Set.of(
          "CONFIRMED/PAID/CAPTURED",
          "CONFIRMED/REFUNDED/REFUNDED",
          "EXPIRED/CANCELLED/REFUNDED",
          "RELEASED/CANCELLED/REFUNDED");

  private static Set<String> unpaid(Promise promise, Instant now, String payment) {
    var ends = new HashSet<String>();
    ends.add("HELD/PENDING_PAYMENT/" + payment);
    if (promise.releaseTried()) {
      ends.add("RELEASED/CANCELLED/" + payment);
    }
    if (!now.isBefore(promise.expiresAt())) {
      ends.add("EXPIRED/CANCELLED/" + payment);
    }
    return ends;
  }
}
