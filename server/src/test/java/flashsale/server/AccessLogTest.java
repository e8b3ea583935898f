package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;

class AccessLogTest {
  private final List<String> pieces = Collections.synchronizedList(new ArrayList<>());

  @Test
  void aRequestIsOneLine() {
    try (var log = new AccessLog(pieces::add)) {
      log.answered("GET", "/api/v1/sales/{saleId}", "/api/v1/sales/17", 200, 153_900, "abc-12");
    }

    assertThat(lines()).hasSize(1);
    assertThat(lines().getFirst())
        .matches("\\d{4}-\\d\\d-\\d\\dT\\S+Z GET /api/v1/sales/17 200 153us abc-12");
  }

  @Test
  void closingLosesNothing() {
    try (var log = new AccessLog(pieces::add)) {
      for (int i = 0; i < 10_000; i++) {
        log.answered("GET", "/", "/" + i, 200, 1_000, "r" + i);
      }
    }

    assertThat(lines()).hasSize(10_000);
    assertThat(lines().getLast()).endsWith(" r9999");
  }

  @Test
  void linesAppearWithoutFurtherRequests() {
    try (var log = new AccessLog(pieces::add)) {
      log.answered("GET", "/", "/", 200, 1_000, "r1");

      await().until(() -> !pieces.isEmpty());
    }
  }

  @Test
  void aPathCannotMakeALineOrAColumnOfItsOwn() {
    try (var log = new AccessLog(pieces::add)) {
      log.answered("GET", "*", "/a\n2026 GET /b 200 1us x\r\u2028\u001b[2J", 404, 1_000, "r1");
      log.answered("", "unrouted", "", 400, 0, "r2");
      log.answered("GET", "*", "/" + "a".repeat(100_000), 404, 1_000, "r3");
    }

    assertThat(lines()).hasSize(3);
    assertThat(lines().get(1).split(" ")).hasSize(6);
    assertThat(lines().getFirst().split(" ")).hasSize(6);
    assertThat(lines().getLast()).hasSizeLessThan(400);
  }

  @Test
  void aLogThatCannotKeepUpDropsAndCountsAndNeverHoldsARequestBack() {
    var blocked = new CountDownLatch(1);
    var surplus = 100;
    var log =
        new AccessLog(
            piece -> {
              pieces.add(piece);
              awaitUninterruptibly(blocked);
            });
    log.answered("GET", "/", "/", 200, 1_000, "first");
    await().until(() -> !pieces.isEmpty());

    for (int i = 0; i < AccessLog.WAITING_MAX + surplus; i++) {
      log.answered("GET", "/", "/", 200, 1_000, "r");
    }

    assertThat(log.dropped()).isEqualTo(surplus);
    blocked.countDown();
    log.close();
    assertThat(lines()).hasSize(1 + AccessLog.WAITING_MAX + 1);
    assertThat(lines()).anyMatch(line -> line.contains(" " + surplus + " lines dropped"));
  }

  private List<String> lines() {
    return String.join("\n", pieces).lines().toList();
  }

  private static void awaitUninterruptibly(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new IllegalStateException(e);
    }
  }
}
