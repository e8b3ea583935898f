package flashsale.lab;

import flashsale.lab.Customer.Outcome;
import flashsale.platform.json.Json;
import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Queue;
import java.util.SplittableRandom;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.ConcurrentMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.LongAdder;
import org.HdrHistogram.Histogram;

/**
 * A crowd of virtual customers at a running shop, over HTTP only. What each of them is like follows
 * from the plan's seed; when which of them is served does not. Thread-safe.
 */
public final class Crowd {
  private static final Duration TICK = Duration.ofMillis(250);

  /** After the end, calls under way may take so long before they are cut off. */
  private static final Duration GRACE_MAX = Duration.ofSeconds(10);

  private static final int BROKEN_MAX = 100;
  private static final int SIGN_UPS_SHOWN_EVERY = 20;

  private final CrowdPlan plan;
  private final Display display;
  private final Tally tally = new Tally();
  private final Tally ends = new Tally();
  private final Tally journeys = new Tally();
  private final Promises promises = new Promises();
  private final ConcurrentMap<Outcome, LongAdder> outcomes = new ConcurrentHashMap<>();
  private final ConcurrentMap<UUID, LongAdder> reserved = new ConcurrentHashMap<>();
  private final ConcurrentMap<UUID, LongAdder> released = new ConcurrentHashMap<>();
  private final ConcurrentMap<UUID, LongAdder> paid = new ConcurrentHashMap<>();
  private final Queue<String> broken = new ConcurrentLinkedQueue<>();
  private final LongAdder brokenCount = new LongAdder();
  private final LongAdder gone = new LongAdder();
  private final FutureTask<CrowdReport> whole;
  private final CountDownLatch closed = new CountDownLatch(1);
  private volatile boolean over;
  private volatile boolean sentHome;
  private Sale sale;
  private long shownAt = System.nanoTime();

  private Crowd(CrowdPlan plan, Display display, List<Accounts.Account> accounts) {
    this.plan = plan;
    this.display = display;
    this.sale = new Sale(plan.saleId(), "", "", List.of());
    this.whole = new FutureTask<>(() -> play(accounts));
  }

  /** Makes the accounts, lets the crowd in, and waits until all have left or the time is over. */
  public static CrowdReport run(CrowdPlan plan, Display display) {
    return start(plan, display).await();
  }

  /** The same, without waiting for anything: it may be stopped from the beginning. */
  public static Crowd start(CrowdPlan plan, Display display) {
    var accounts = Accounts.of(plan.seed(), plan.customers());
    var crowd = new Crowd(plan, display, accounts);
    Thread.ofPlatform().name("crowd").daemon().start(crowd.whole);
    return crowd;
  }

  /** Lets everybody go: no new calls; who has not come yet stays away. */
  public void stop() {
    sentHome = true;
    leave();
  }

  private void leave() {
    over = true;
    closed.countDown();
  }

  /**
   * Waits until everybody has left.
   *
   * @throws IllegalStateException if accounts could not be made
   */
  public CrowdReport await() {
    try {
      return whole.get();
    } catch (InterruptedException e) {
      stop();
      Thread.currentThread().interrupt();
      throw new IllegalStateException("interrupted", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException(
          "the crowd failed: " + e.getCause().getMessage(), e.getCause());
    }
  }

  /** What the crowd was promised so far; grows while it runs. */
  public Promises promises() {
    return promises;
  }

  boolean over() {
    return over;
  }

  /** Whether it is over because somebody said so, not because its time was. */
  boolean sentHome() {
    return sentHome;
  }

  /** An accepted request has come to a final state, or never did: {@link Tally#NO_ANSWER}. */
  void reachedItsEnd(String call, int status, String code, long nanos) {
    ends.record(call, status, code, nanos);
  }

  /** Somebody has paid, so long after they began to sign in. */
  void arrived(long nanos) {
    journeys.record("journey", 201, "", nanos);
  }

  Client client() {
    return new Client(plan.server(), tally);
  }

  void ended(Outcome outcome) {
    outcomes.computeIfAbsent(outcome, o -> new LongAdder()).increment();
  }

  void reserved(Map<UUID, Integer> lines) {
    add(reserved, lines);
  }

  void released(Map<UUID, Integer> lines) {
    add(released, lines);
  }

  void paid(Map<UUID, Integer> lines) {
    add(paid, lines);
  }

  void broken(String what) {
    brokenCount.increment();
    if (brokenCount.sum() <= BROKEN_MAX) {
      broken.add(what);
    }
  }

  private static void add(ConcurrentMap<UUID, LongAdder> units, Map<UUID, Integer> lines) {
    lines.forEach((offer, n) -> units.computeIfAbsent(offer, o -> new LongAdder()).add(n));
  }

  /** Whether there is a crowd now; not if it was stopped before all had an account. */
  private boolean signUp(List<Accounts.Account> accounts) {
    var makers = new Accounts(plan.server(), tally, plan.signUpsAtOnce());
    var words = "customers sign up, " + plan.signUpsAtOnce() + " at a time";
    var done = new AtomicInteger();
    Runnable eachDone =
        () -> {
          if (over) {
            throw new Shopping.Over();
          }
          int number = done.incrementAndGet();
          if (number % SIGN_UPS_SHOWN_EVERY == 0 || number == accounts.size()) {
            display.show(words, List.of(new Display.Gauge("accounts", number, accounts.size())));
          }
        };
    try {
      makers.signUp(accounts, eachDone);
    } catch (IllegalStateException e) {
      if (!over) {
        throw e;
      }
    }
    display.finish();
    return !over;
  }

  private CrowdReport play(List<Accounts.Account> accounts) throws InterruptedException {
    return signUp(accounts) ? visits(accounts) : report(Duration.ZERO);
  }

  private CrowdReport visits(List<Accounts.Account> accounts) throws InterruptedException {
    long from = System.nanoTime();
    long end = from + plan.timeMax().toNanos();
    var threads = Executors.newVirtualThreadPerTaskExecutor();
    try (var watcher = new Client(plan.server(), new Tally())) {
      for (int i = 0; i < accounts.size(); i++) {
        var arrival = plan.rampUp().multipliedBy(i).dividedBy(accounts.size());
        var random = new SplittableRandom(plan.seed() * CrowdPlan.CUSTOMERS_MAX + i);
        var customer = new Customer(this, plan, accounts.get(i), random);
        threads.execute(() -> visit(customer, arrival));
      }
      threads.shutdown();
      while (!threads.awaitTermination(TICK.toMillis(), TimeUnit.MILLISECONDS)) {
        show(watcher, from);
        if (System.nanoTime() > end) {
          leave();
        }
        end = over ? Math.min(end, System.nanoTime()) : end;
        if (over && System.nanoTime() > end + grace().toNanos()) {
          threads.shutdownNow();
        }
      }
      var elapsed = Duration.ofNanos(System.nanoTime() - from);
      show(watcher, from);
      display.finish();
      return report(elapsed);
    } finally {
      threads.shutdownNow();
    }
  }

  /** Who leaves because the time is over still waits for what was accepted. */
  private Duration grace() {
    boolean longer = !sentHome && plan.finalMax().compareTo(GRACE_MAX) > 0;
    return longer ? plan.finalMax() : GRACE_MAX;
  }

  private void visit(Customer customer, Duration arrival) {
    try {
      if (!closed.await(arrival.toNanos(), TimeUnit.NANOSECONDS)) {
        customer.visit();
      }
    } catch (InterruptedException e) {
      // Cut off at the end.
    } catch (RuntimeException e) {
      broken("not as the API tells: " + e);
    } finally {
      gone.increment();
    }
  }

  private void show(Client watcher, long from) {
    try {
      var path = "/api/v1/sales/" + plan.saleId();
      var answered = watcher.call("watch", "GET", path, null, null, null);
      if (answered.ok()) {
        sale = Json.tolerant().treeToValue(answered.body(), Sale.class);
      }
    } catch (IOException e) {
      // The figures before stay on show.
    }
    long now = System.nanoTime();
    var recent = tally.recent();
    var words =
        String.format(
            Locale.ROOT,
            "%4.0f s  %,7.0f calls/s  %s%s  paid orders %,d",
            (now - from) / 1e9,
            recent.getTotalCount() * 1e9 / (now - shownAt),
            percentiles(recent),
            plan.async() ? "  to the end " + percentiles(ends.recent()) : "",
            outcomes.getOrDefault(Outcome.PAID, new LongAdder()).sum());
    shownAt = now;
    var gauges = new ArrayList<Display.Gauge>();
    gauges.add(new Display.Gauge("customers served", gone.sum(), plan.customers()));
    for (var offer : sale.hot()) {
      var name = "left: " + offer.productName();
      gauges.add(new Display.Gauge(name, offer.available(), offer.allocated()));
    }
    display.show(words, gauges);
  }

  private static String percentiles(Histogram recent) {
    return String.format(
        Locale.ROOT,
        "p50 %.1f ms  p95 %.1f ms",
        recent.getValueAtPercentile(50) / 1e3,
        recent.getValueAtPercentile(95) / 1e3);
  }

  private static long sum(ConcurrentMap<UUID, LongAdder> units, Sale.Offer offer) {
    return units.getOrDefault(offer.offerId(), new LongAdder()).sum();
  }

  private CrowdReport report(Duration elapsed) {
    var offers =
        sale.offers().stream()
            .map(
                o ->
                    new CrowdReport.OfferLine(
                        o.offerId(),
                        o.productName(),
                        o.allocated(),
                        o.available(),
                        sum(reserved, o),
                        sum(released, o),
                        sum(paid, o)))
            .toList();
    for (var offer : offers) {
      if (offer.paid() > offer.allocated()) {
        broken("oversold: " + offer);
      }
    }
    var byName = new TreeMap<String, Long>();
    outcomes.forEach((outcome, n) -> byName.put(outcome.name(), n.sum()));
    return new CrowdReport(
        plan.customers(),
        elapsed,
        tally.lines(),
        ends.lines(),
        journeys.lines(),
        offers,
        byName,
        promises,
        List.copyOf(broken));
  }
}
