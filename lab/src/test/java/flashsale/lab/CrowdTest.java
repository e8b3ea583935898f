package flashsale.lab;

import static java.util.stream.Collectors.toMap;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.lab.Customer.Outcome;
import java.io.ByteArrayOutputStream;
import java.io.PrintStream;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Map;
import java.util.UUID;
import org.awaitility.Awaitility;
import org.junit.jupiter.api.Test;

class CrowdTest {
  private static CrowdPlan plan(TinyShop shop, int customers) {
    return CrowdPlan.of(shop.url(), shop.saleId, customers, 7)
        .paced(Duration.ofMillis(300), Duration.ofMillis(2), Duration.ofSeconds(30));
  }

  @Test
  void aCrowdAtAnHonestShopSeesNoRuleBrokenAndEveryPromiseKept() {
    try (var shop = new TinyShop()) {
      var report = Crowd.run(plan(shop, 150), Display.none());

      assertThat(report.brokenRules()).isEmpty();
      assertThat(report.failures()).isZero();
      assertThat(report.promises().verify(shop.url(), Duration.ofSeconds(5))).isEmpty();
      assertThat(report.outcomes().values().stream().mapToLong(n -> n).sum()).isEqualTo(150);
      assertThat(report.calls("sign up")).isEqualTo(150);
      assertThat(report.count("sign in", 201, "")).isEqualTo(150);
      assertThat(report.count("reserve", 201, "")).isGreaterThan(50);
      assertThat(report.count("pay", 402, "PAYMENT_DECLINED")).isPositive();
      assertThat(report.promises().counts().keySet())
          .contains(Promises.Seen.CAPTURED, Promises.Seen.RELEASED, Promises.Seen.HELD);
    }
  }

  @Test
  void aCrowdThatIsAcceptedFollowsEverythingToItsEnd() {
    try (var shop = new TinyShop()) {
      var report = Crowd.run(async(plan(shop, 150)), Display.none());

      assertThat(report.brokenRules()).isEmpty();
      assertThat(report.failures()).isZero();
      assertThat(report.promises().verify(shop.url(), Duration.ofSeconds(5))).isEmpty();
      assertThat(report.count("reserve", 202, "")).isGreaterThan(150);
      assertThat(report.count("reserve", 201, "") + report.count("pay", 201, "")).isZero();
      var ends = report.ends().stream().collect(toMap(CrowdReport.CallLine::call, c -> c));
      assertThat(ends.keySet()).containsExactlyInAnyOrder("reserve", "pay");
      assertThat(counts(ends.get("reserve"))).containsKeys("201 ", "409 LIMIT_EXCEEDED");
      assertThat(counts(ends.get("pay"))).containsOnlyKeys("201 ", "402 PAYMENT_DECLINED");
      assertThat(ends.get("reserve").counts().stream().mapToLong(CrowdReport.Count::calls).sum())
          .isEqualTo(report.count("reserve", 202, ""));
      assertThat(report.promises().counts().keySet())
          .contains(Promises.Seen.CAPTURED, Promises.Seen.RELEASED, Promises.Seen.HELD);
      assertThat(report.table())
          .contains("Answered with 202: from the request to its final state", "failures: 0");
    }
  }

  @Test
  void whomARuleRefusesIsNotLetDown() {
    try (var shop = new TinyShop(TinyShop.Fault.LOSES_UNITS)) {
      var report = Crowd.run(plan(shop, 700), Display.none());

      assertThat(report.outcomes().keySet()).contains("PAID", "REFUSED");
      assertThat(report.letDown()).isZero();
      assertThat(report.letDownInWords()).isEmpty();
    }
  }

  @Test
  void whoIsTurnedAwayPolitelyAndByNoRuleIsLetDown() {
    try (var shop = new TinyShop(TinyShop.Fault.NEVER_OPENS)) {
      var report = Crowd.run(plan(shop, 10), Display.none());

      assertThat(report.failures()).isZero();
      assertThat(report.letDown()).isEqualTo(10);
      assertThat(report.letDownInWords()).containsExactly("10 × NOT_RESERVED");
    }
  }

  @Test
  void whoWantedToPayAndCouldNotIsLetDown() {
    try (var shop = new TinyShop(TinyShop.Fault.KNOWS_NO_ORDERS)) {
      var report = Crowd.run(plan(shop, 60), Display.none());

      assertThat(report.failures()).isZero();
      long others = report.ended(Outcome.RELEASED) + report.ended(Outcome.WALKED_AWAY);
      assertThat(report.ended(Outcome.NOT_PAID)).isPositive().isEqualTo(60 - others);
      assertThat(report.letDown()).isEqualTo(report.ended(Outcome.NOT_PAID));
    }
  }

  @Test
  void whoIsStillThereWhenTheTimeIsOverIsLetDown() {
    try (var shop = new TinyShop()) {
      var plan = plan(shop, 2).paced(Duration.ofMinutes(10), Duration.ZERO, Duration.ZERO);
      var report = Crowd.run(plan, Display.none());

      assertThat(report.letDown()).isPositive();
      assertThat(report.letDownInWords()).anyMatch(words -> words.endsWith("no end"));
    }
  }

  private static CrowdPlan async(CrowdPlan plan) {
    return plan.async(true, Duration.ofSeconds(20));
  }

  private static Map<String, Long> counts(CrowdReport.CallLine line) {
    return line.counts().stream().collect(toMap(n -> n.status() + " " + n.code(), n -> n.calls()));
  }

  @Test
  void whatIsAcceptedAndNeverFinalIsAFailure() {
    try (var shop = new TinyShop(TinyShop.Fault.NEVER_DECIDES)) {
      var plan = plan(shop, 5).async(true, Duration.ofMillis(300));
      var report = Crowd.run(plan, Display.none());

      long accepted = report.count("reserve", 202, "");
      assertThat(accepted).isPositive();
      assertThat(report.failures()).isEqualTo(accepted);
      assertThat(report.ends()).hasSize(1);
      assertThat(counts(report.ends().getFirst()))
          .containsExactly(Map.entry("0 NEVER_FINAL", accepted));
    }
  }

  @Test
  void whoIsSentHomeNoLongerWaitsForWhatWasAccepted() {
    try (var shop = new TinyShop(TinyShop.Fault.NEVER_DECIDES)) {
      var crowd = Crowd.start(plan(shop, 5).async(true, Duration.ofMinutes(5)), Display.none());
      Awaitility.await()
          .until(
              () -> shop.states(new UUID(0, 0), new UUID(-1, -1)).getOrDefault("PENDING", 0L) >= 5);
      crowd.stop();

      var report = crowd.await();
      assertThat(report.elapsed()).isLessThan(Duration.ofSeconds(20));
      assertThat(report.failures()).isZero();
    }
  }

  @Test
  void theSameSeedMakesTheSameCustomers() {
    var one = new java.util.SplittableRandom(5);
    var other = new java.util.SplittableRandom(5);
    for (int i = 0; i < 100; i++) {
      assertThat(Temper.of(one)).isEqualTo(Temper.of(other));
    }
  }

  @Test
  void theReportShowsCallsOffersAndHowItEnded() {
    try (var shop = new TinyShop()) {
      var report = Crowd.run(plan(shop, 60), Display.none());

      assertThat(report.table())
          .contains("p95 ms", "sign up", "reserve", "Thing 0", "60 customers", "failures: 0")
          .contains("rules broken: 0");
      assertThat(report.offers())
          .extracting(CrowdReport.OfferLine::allocated)
          .containsExactly(20L, 400L, 400L);
      long taken = report.offers().stream().mapToLong(o -> o.allocated() - o.left()).sum();
      assertThat(taken).isEqualTo(shop.sold());
    }
  }

  @Test
  void aLimitThatIsNotKeptIsNoticed() {
    try (var shop = new TinyShop(TinyShop.Fault.IGNORES_LIMITS)) {
      var report = Crowd.run(plan(shop, 150), Display.none());

      assertThat(report.brokenRules()).anyMatch(r -> r.startsWith("above the limit"));
    }
  }

  @Test
  void oneKeyWithSeveralReservationsIsNoticed() {
    try (var shop = new TinyShop(TinyShop.Fault.IGNORES_KEYS)) {
      var report = Crowd.run(plan(shop, 100), Display.none());

      assertThat(report.brokenRules()).anyMatch(r -> r.startsWith("one key, different answers"));
    }
  }

  @Test
  void aWrongTotalIsNoticed() {
    try (var shop = new TinyShop(TinyShop.Fault.WRONG_TOTALS)) {
      var report = Crowd.run(plan(shop, 20), Display.none());

      assertThat(report.brokenRules()).anyMatch(r -> r.startsWith("a total of"));
    }
  }

  @Test
  void soldMoreThanThereIsIsNoticed() {
    try (var shop = new TinyShop(TinyShop.Fault.OVERSELLS, TinyShop.Fault.IGNORES_LIMITS)) {
      var report = Crowd.run(plan(shop, 200), Display.none());

      assertThat(report.brokenRules()).anyMatch(r -> r.startsWith("oversold"));
    }
  }

  @Test
  void lostReservationsAreBrokenPromises() {
    try (var shop = new TinyShop(TinyShop.Fault.FORGETS_RESERVATIONS)) {
      var report = Crowd.run(plan(shop, 20), Display.none());

      var broken = report.promises().verify(shop.url(), Duration.ZERO);
      assertThat(broken).hasSameSizeAs(report.promises().all()).isNotEmpty();
      assertThat(broken).allMatch(b -> b.what().startsWith("lost: reservation"));
    }
  }

  @Test
  void lostPaymentsAreBrokenPromises() {
    try (var shop = new TinyShop(TinyShop.Fault.FORGETS_PAYMENTS)) {
      var report =
          Crowd.run(
              plan(shop, 40).paced(Duration.ZERO, Duration.ZERO, Duration.ofSeconds(3)),
              Display.none());

      var broken = report.promises().verify(shop.url(), Duration.ZERO);
      assertThat(broken).isNotEmpty().allMatch(b -> b.what().startsWith("lost: payment"));
    }
  }

  @Test
  void aBusySignUpIsTriedAgainWhenTheServerSaysSo() {
    try (var shop = new TinyShop(TinyShop.Fault.SIGN_UPS_BUSY)) {
      var report = Crowd.run(plan(shop, 6), Display.none());

      assertThat(report.count("sign up", 201, "")).isEqualTo(6);
      assertThat(report.busy()).isPositive();
      assertThat(report.failures()).isZero();
    }
  }

  @Test
  void serverErrorsAreFailuresAndAreTriedAgain() {
    try (var shop = new TinyShop(TinyShop.Fault.FAILS_SOMETIMES)) {
      var report = Crowd.run(plan(shop, 60), Display.none());

      assertThat(report.failures())
          .isPositive()
          .isEqualTo(report.count("reserve", 500, "INTERNAL_ERROR"));
      assertThat(report.brokenRules()).isEmpty();
      assertThat(report.promises().verify(shop.url(), Duration.ofSeconds(5))).isEmpty();
    }
  }

  @Test
  void aCrowdThatRunsUntilStoppedBearsAServerThatGoesAndComesBack() {
    try (var shop = new TinyShop()) {
      int port = shop.url().getPort();
      var crowd =
          Crowd.start(
              plan(shop, 20).untilStopped(() -> URI.create("http://127.0.0.1:" + port)),
              Display.none());
      awaitMorePromises(crowd, 5);
      shop.close();
      shop.start(port);
      awaitMorePromises(crowd, 20);
      crowd.stop();
      var report = crowd.await();

      assertThat(report.failures()).isPositive();
      assertThat(report.brokenRules()).isEmpty();
      assertThat(report.promises().verify(shop.url(), Duration.ofSeconds(5))).isEmpty();
    }
  }

  private static void awaitMorePromises(Crowd crowd, int more) {
    int before = crowd.promises().all().size();
    Awaitility.await()
        .atMost(Duration.ofSeconds(20))
        .until(() -> crowd.promises().all().size() >= before + more);
  }

  @Test
  void aCrowdLeavesWhenItsTimeIsOver() {
    try (var shop = new TinyShop()) {
      var plan =
          plan(shop, 10)
              .paced(Duration.ZERO, Duration.ofMillis(10), Duration.ofMillis(500))
              .untilStopped(shop::url);

      var report = Crowd.run(plan, Display.none());

      assertThat(report.elapsed()).isBetween(Duration.ofMillis(400), Duration.ofSeconds(5));
    }
  }

  @Test
  void aCrowdCanBeStoppedWhileItSignsUpAndBeforeItHasCome() throws Exception {
    try (var shop = new TinyShop()) {
      var plan =
          plan(shop, 2_000).paced(Duration.ofMinutes(10), Duration.ZERO, Duration.ofHours(1));
      var early = Crowd.start(plan, Display.none());
      early.stop();
      assertThat(early.await().calls("sign up")).isLessThan(2_000);

      var few = plan(shop, 10).paced(Duration.ofMinutes(10), Duration.ZERO, Duration.ofHours(1));
      var late = Crowd.start(few, Display.none());
      awaitMorePromises(late, 1);
      late.stop();
      assertThat(late.await().elapsed()).isLessThan(Duration.ofMinutes(1));
    }
  }

  @Test
  void aCrowdDoesNotLeaveThisMachine() {
    assertThatThrownBy(
            () -> CrowdPlan.of(URI.create("http://shop.example:80"), UUID.randomUUID(), 10, 1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("this machine only");
  }

  @Test
  void withoutATerminalTheDisplayPrintsLines() {
    var out = new ByteArrayOutputStream();
    try (var shop = new TinyShop();
        var display =
            new Display(new PrintStream(out, true, StandardCharsets.UTF_8), false, Duration.ZERO)) {
      Crowd.run(plan(shop, 40), display);
    }
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("customers sign up", "accounts 40/40", "calls/s", "p95", "left: Thing 0")
        .doesNotContain("\033[");
  }

  @Test
  void onATerminalTheDisplayIsDrawnInPlace() {
    var out = new ByteArrayOutputStream();
    try (var shop = new TinyShop();
        var display =
            new Display(new PrintStream(out, true, StandardCharsets.UTF_8), true, Duration.ZERO)) {
      Crowd.run(plan(shop, 40), display);
    }
    assertThat(out.toString(StandardCharsets.UTF_8))
        .contains("\033[2A", "40/40", "left: Thing 0", "100%");
  }
}
