package flashsale.lab;

import flashsale.lab.Accounts.Account;
import flashsale.lab.Client.Answered;
import flashsale.lab.Promises.Promise;
import flashsale.lab.Promises.Seen;
import flashsale.platform.ids.Ids;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.random.RandomGenerator;
import java.util.stream.Collectors;

/**
 * One virtual customer: signs in, looks, chooses, reserves, and pays or not; and notices when the
 * shop does not keep to its own rules. Runs in one virtual thread of its own.
 */
final class Customer {
  /** How a purchase ended. */
  enum Outcome {
    PAID,
    /** A payment was accepted, and what became of it was never told. */
    PAYMENT_UNKNOWN,
    /** Though the last card was a good one. */
    NOT_PAID,
    RELEASED,
    /** A reservation was not taken back. */
    NOT_RELEASED,
    WALKED_AWAY,
    /** By a rule, each time that this customer chose. */
    REFUSED,
    /** Neither reserved nor refused by a rule. */
    NOT_RESERVED,
    /** Tried too often, or refused where nobody is. */
    GAVE_UP
  }

  /** Refusals that a customer of an open sale must expect. */
  private static final Set<String> RULES =
      Set.of("SOLD_OUT", "INSUFFICIENT_STOCK", "LIMIT_EXCEEDED");

  private static final int PRESSES = 5;
  private static final int CHOICES_MAX = 3;
  private static final int HOT_PERCENT = 70;
  private static final int ONE_UNIT_PERCENT = 80;

  private final Crowd crowd;
  private final CrowdPlan plan;
  private final Account account;
  private final RandomGenerator random;
  private final Shopping shop;

  Customer(Crowd crowd, CrowdPlan plan, Account account, RandomGenerator random) {
    this.crowd = crowd;
    this.plan = plan;
    this.account = account;
    this.random = random;
    this.shop = new Shopping(crowd, plan, account);
  }

  /** Buys once, or until the crowd is stopped if the plan says so. */
  void visit() throws InterruptedException {
    try (var client = crowd.client()) {
      do {
        crowd.ended(purchase(client));
      } while (plan.untilStopped() && !crowd.over());
    } catch (Shopping.Over e) {
      // What was promised so far counts; what was under way does not.
    } catch (Shopping.GaveUp e) {
      crowd.ended(Outcome.GAVE_UP);
    }
  }

  private Outcome purchase(Client client) throws InterruptedException {
    var temper = Temper.of(random);
    long from = System.nanoTime();
    shop.signIn(client);
    for (int choice = 1; choice <= CHOICES_MAX; choice++) {
      var sale = shop.look(client);
      shop.pause(plan.thinkTime());
      var lines = choose(sale, temper.lines());
      var answers = reserve(client, lines, temper);
      var reserved = reservations(sale, lines, answers, temper.press());
      if (!reserved.isEmpty()) {
        shop.pause(plan.thinkTime());
        var outcome = end(client, reserved, lines, temper.ending());
        if (outcome == Outcome.PAID) {
          crowd.arrived(System.nanoTime() - from);
        }
        return outcome;
      }
      if (!answers.stream().map(Answered::code).allMatch(RULES::contains)) {
        return Outcome.NOT_RESERVED;
      }
    }
    return Outcome.REFUSED;
  }

  /** One to three offers in one currency, mostly a hot one first, mostly one unit each. */
  private Map<UUID, Integer> choose(Sale sale, int lines) {
    var hot = left(sale.hot());
    var all = left(sale.offers());
    boolean wantsHot = !hot.isEmpty() && random.nextInt(100) < HOT_PERCENT;
    // On a page that says that everything is gone, some press the button all the same.
    var first = any(wantsHot ? hot : all.isEmpty() ? sale.offers() : all);
    var chosen = new LinkedHashMap<UUID, Integer>();
    add(chosen, first);
    for (int i = 1; i < lines && !all.isEmpty(); i++) {
      var next = any(all);
      if (next.currency().equals(first.currency())) {
        add(chosen, next);
      }
    }
    return chosen;
  }

  private static List<Sale.Offer> left(List<Sale.Offer> offers) {
    return offers.stream().filter(o -> !o.soldOut()).toList();
  }

  private Sale.Offer any(List<Sale.Offer> offers) {
    return offers.get(random.nextInt(offers.size()));
  }

  private void add(Map<UUID, Integer> chosen, Sale.Offer offer) {
    boolean one = offer.limitPerCustomer() == 1 || random.nextInt(100) < ONE_UNIT_PERCENT;
    chosen.put(offer.offerId(), one ? 1 : 2);
  }

  /** The answers to each time that the button was pressed. */
  private List<Answered> reserve(Client client, Map<UUID, Integer> lines, Temper temper)
      throws InterruptedException {
    Object body =
        temper.cart()
            ? Map.of("cartId", shop.fillCart(client, lines))
            : Map.of(
                "lines",
                lines.entrySet().stream()
                    .map(e -> Map.of("offerId", e.getKey(), "quantity", e.getValue()))
                    .toList());
    shop.pause(plan.thinkTime());
    return press(client, temper.press(), body);
  }

  /** Those that were made, each once; empty: none was. */
  private List<Promise> reservations(
      Sale sale, Map<UUID, Integer> lines, List<Answered> answers, Temper.Press press) {
    var made = new LinkedHashMap<UUID, Promise>();
    for (var answered : answers) {
      if (answered.status() == 201) {
        var promise = promised(answered);
        if (made.putIfAbsent(promise.reservationId(), promise) == null) {
          crowd.promises().put(promise);
          crowd.reserved(lines);
        }
      }
    }
    check(sale, lines, made.values());
    if (press == Temper.Press.FIVE_TIMES_WITH_ONE_KEY) {
      checkSame(answers);
    }
    return List.copyOf(made.values());
  }

  private List<Answered> press(Client client, Temper.Press press, Object body)
      throws InterruptedException {
    var key = Ids.next();
    if (press == Temper.Press.ONCE) {
      return List.of(shop.reserve(client, key, body));
    }
    boolean oneKey = press == Temper.Press.FIVE_TIMES_WITH_ONE_KEY;
    Callable<Answered> once =
        () -> {
          try (var another = crowd.client()) {
            return shop.reserve(another, oneKey ? key : Ids.next(), body);
          }
        };
    try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
      var answers = new ArrayList<Answered>();
      for (var pressed : threads.invokeAll(Collections.nCopies(PRESSES, once))) {
        answers.add(answer(pressed));
      }
      return answers;
    }
  }

  private static Answered answer(Future<Answered> pressed) throws InterruptedException {
    try {
      return pressed.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException r) {
        throw r;
      }
      throw new IllegalStateException(e.getCause());
    }
  }

  private Promise promised(Answered answered) {
    return new Promise(
        account,
        answered.id("reservationId"),
        answered.id("orderId"),
        null,
        Seen.HELD,
        false,
        false,
        answered.body().path("totalMinor").asLong(),
        Instant.parse(answered.body().path("expiresAt").asText()));
  }

  /** The first reservation ends as this customer does; what came with more keys is given back. */
  private Outcome end(
      Client client, List<Promise> reserved, Map<UUID, Integer> lines, Temper.Ending ending)
      throws InterruptedException {
    for (var more : reserved.subList(1, reserved.size())) {
      release(client, more, lines);
    }
    var promise = reserved.getFirst();
    return switch (ending) {
      case RELEASE -> release(client, promise, lines);
      case WALK_AWAY -> Outcome.WALKED_AWAY;
      default -> pay(client, promise, lines, ending.cards());
    };
  }

  private Outcome release(Client client, Promise promise, Map<UUID, Integer> lines)
      throws InterruptedException {
    var asked = crowd.promises().put(promise.releasing());
    if (!shop.release(client, promise.reservationId()).ok()) {
      return Outcome.NOT_RELEASED;
    }
    crowd.promises().put(asked.answered(asked.paymentId(), Seen.RELEASED));
    crowd.released(lines);
    return Outcome.RELEASED;
  }

  private Outcome pay(Client client, Promise reserved, Map<UUID, Integer> lines, List<String> cards)
      throws InterruptedException {
    var promise = reserved;
    for (var card : cards) {
      var asked = crowd.promises().put(promise.paying());
      var answered = shop.pay(client, promise.orderId(), card);
      if (answered.body().path("paymentId").isMissingNode()) {
        return Outcome.NOT_PAID;
      }
      promise = crowd.promises().put(asked.answered(answered.id("paymentId"), seen(answered)));
      if (promise.seen() == Seen.PAYMENT_UNKNOWN) {
        return answered.status() == 202 ? Outcome.PAYMENT_UNKNOWN : Outcome.NOT_PAID;
      }
      if (promise.seen() == Seen.CAPTURED) {
        crowd.paid(lines);
        checkAmount(answered, promise);
        return Outcome.PAID;
      }
      shop.pause(plan.thinkTime());
    }
    return Outcome.NOT_PAID;
  }

  private static Seen seen(Answered payment) {
    return switch (payment.status()) {
      case 201 -> Seen.CAPTURED;
      case 402 -> Seen.DECLINED;
      default -> Seen.PAYMENT_UNKNOWN; // 410: the hold was gone; nothing charged, or it went back.
    };
  }

  private void checkSame(List<Answered> answers) {
    var different =
        answers.stream()
            .map(a -> a.status() == 201 ? a.body().path("reservationId").asText() : a.code())
            .collect(Collectors.toSet());
    if (different.size() > 1) {
      crowd.broken("one key, different answers: " + answers);
    }
  }

  /** Totals, and limits: as long as none has expired, all that was made must keep them. */
  private void check(Sale sale, Map<UUID, Integer> lines, Collection<Promise> made) {
    long total = 0;
    boolean allHeld = made.stream().allMatch(p -> Instant.now().isBefore(p.expiresAt()));
    for (var offer : sale.offers()) {
      int units = lines.getOrDefault(offer.offerId(), 0);
      int limit = offer.limitPerCustomer();
      total += offer.unitPriceMinor() * units;
      if (allHeld && limit > 0 && units * made.size() > limit) {
        crowd.broken("above the limit of " + limit + ": " + made);
      }
    }
    for (var promise : made) {
      if (promise.totalMinor() != total) {
        crowd.broken("a total of " + total + " was expected: " + promise);
      }
    }
  }

  private void checkAmount(Answered payment, Promise promise) {
    if (payment.body().path("amountMinor").asLong() != promise.totalMinor()) {
      crowd.broken("charged otherwise than promised: " + payment + ", " + promise);
    }
  }
}
