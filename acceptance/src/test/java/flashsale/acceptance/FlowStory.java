package flashsale.acceptance;

import flashsale.acceptance.FlowScene.Reservation;
import flashsale.acceptance.TestShop.Ask;
import flashsale.platform.json.Json;
import java.time.Instant;
import java.util.Locale;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Executors;
import java.util.function.Consumer;

/** Every way that a purchase may go; each has a golden file of what is left of it at the end. */
enum FlowStory {
  HELD(scene -> scene.reserve(scene.customer(), scene.openSale(new Ask(10, 0, 100)).offerId(), 2)),

  PAID(scene -> scene.payFor(held(scene))),

  REFUSED_AT_THE_GATE(
      scene -> {
        var now = Instant.now();
        var sale = scene.shop().draft(now.plusSeconds(600), now.plusSeconds(900), 600, ask(5));
        scene.named(sale);
        admin(scene, "sales/" + sale.saleId() + "/schedule");
        scene.reserveInVain(scene.customer(), sale.offerId());
        var soldOut = scene.openSale(ask(1)).offerId();
        scene.reserve(scene.customer(), soldOut, 1);
        scene.reserveInVain(scene.customer(), soldOut);
      }),

  REFUSED_OFFER_UNKNOWN(
      scene -> {
        var offer = scene.openSale(ask(5)).offerId();
        scene
            .shop()
            .sql("inventory")
            .update("DELETE FROM stock WHERE offer_id = ?", UUID.fromString(offer));
        scene.reserve(scene.customer(), offer, 1);
      }),

  REFUSED_SALE_NOT_OPEN(
      scene -> {
        var sale = scene.openSale(ask(5));
        refusedBehindTheGate(
            scene,
            sale.offerId(),
            "UPDATE sale_window SET state = 'PAUSED' WHERE sale_id = ?",
            UUID.fromString(sale.saleId()));
      }),

  REFUSED_SOLD_OUT(
      scene -> {
        var offer = scene.openSale(ask(5)).offerId();
        refusedBehindTheGate(
            scene,
            offer,
            "UPDATE stock SET allocated = 0, available = 0 WHERE offer_id = ?",
            UUID.fromString(offer));
      }),

  REFUSED_LIMIT_EXCEEDED(
      scene -> {
        var offer = scene.openSale(new Ask(10, 2, 100)).offerId();
        var customer = scene.customer();
        scene.reserve(customer, offer, 1);
        scene.reserve(customer, offer, 2);
      }),

  REFUSED_INSUFFICIENT_STOCK(
      scene -> {
        var offer = scene.openSale(ask(3)).offerId();
        scene.reserve(scene.customer(), offer, 4);
        scene.reserve(scene.customer(), offer, 3);
      }),

  DECLINED_THEN_PAID_WITH_ANOTHER_CARD(
      scene -> {
        var held = held(scene);
        var declined = scene.pay(held, "tok_declined");
        scene.awaitPayment(held, declined, "DECLINED");
        scene.awaitStates(held, "HELD", "PENDING_PAYMENT");
        scene.payFor(held);
      }),

  EXPIRED(
      scene -> {
        var offer = scene.openSale(FlowStory.HOLD_SECONDS_MIN, new Ask(1, 1, 100)).offerId();
        var held = scene.reserve(scene.customer(), offer, 1);
        scene.awaitStates(held, "EXPIRED", "CANCELLED");
      }),

  RELEASED(
      scene -> {
        var held = held(scene);
        held.customer().visitor().delete(held.path()).expect(200);
        scene.awaitStates(held, "RELEASED", "CANCELLED");
      }),

  REFUNDED_BY_THE_MACHINE_BECAUSE_THE_HOLD_WAS_LOST(
      scene -> {
        // So short that the payment extends it, which shows in the row.
        var offer = scene.openSale(60, ask(5)).offerId();
        var held = scene.reserve(scene.customer(), offer, 1);
        try (var threads = Executors.newVirtualThreadPerTaskExecutor()) {
          var paying = threads.submit(() -> scene.pay(held, "tok_slow"));
          scene.awaitExtended(held);
          held.customer().visitor().delete(held.path()).expect(200);
          scene.awaitPayment(held, paying.get(), "REFUNDED");
        } catch (InterruptedException | ExecutionException e) {
          throw new IllegalStateException(e);
        }
        scene.awaitStates(held, "RELEASED", "CANCELLED");
      }),

  REFUNDED_BY_AN_OPERATOR(
      scene -> {
        var held = held(scene);
        scene.payFor(held);
        admin(scene, "orders/" + held.orderId() + "/refund");
        scene.awaitStates(held, "RELEASED", "REFUNDED");
      }),

  ANSWER_LOST_BEFORE_THE_CHARGE(
      scene -> {
        var held = held(scene);
        var lost = scene.pay(held, "tok_timeout_before_charge");
        scene.awaitPayment(held, lost, "DECLINED");
        scene.payFor(held);
      }),

  ANSWER_LOST_AFTER_THE_CHARGE(
      scene -> {
        var held = held(scene);
        var found = scene.pay(held, "tok_timeout_after_charge");
        scene.awaitStates(held, "CONFIRMED", "PAID");
        scene.awaitPayment(held, found, "CAPTURED");
      });

  private static final int HOLD_SECONDS_MIN = 10;

  @SuppressWarnings("ImmutableEnumChecker") // The stories keep nothing.
  private final Consumer<FlowScene> story;

  FlowStory(Consumer<FlowScene> story) {
    this.story = story;
  }

  void play(FlowScene scene) {
    story.accept(scene);
  }

  /** The golden file's name. */
  String file() {
    return "flow/" + name().toLowerCase(Locale.ROOT).replace('_', '-') + ".txt";
  }

  private static Ask ask(int allocated) {
    return new Ask(allocated, 0, 100);
  }

  private static Reservation held(FlowScene scene) {
    return scene.reserve(scene.customer(), scene.openSale(ask(10)).offerId(), 1);
  }

  private static void admin(FlowScene scene, String path) {
    scene
        .shop()
        .operator()
        .send("POST", "/api/v1/admin/" + path, Json.text(Map.of()), Map.of())
        .expect(200);
  }

  /** The gate lets it pass, and by the time the ledger decides it is otherwise. */
  private static void refusedBehindTheGate(
      FlowScene scene, String offer, String change, Object id) {
    var customer = scene.customer();
    try (var threads = Executors.newVirtualThreadPerTaskExecutor();
        var lock = HeldLock.onStock(scene.shop(), offer)) {
      var changing = threads.submit(() -> changeWhenBlocked(lock, change, id));
      scene.reserve(customer, offer, 1);
      changing.get();
    } catch (InterruptedException | ExecutionException e) {
      throw new IllegalStateException(e);
    }
  }

  private static void changeWhenBlocked(HeldLock lock, String change, Object id) {
    lock.awaitBlocked();
    lock.update(change, id);
    lock.close();
  }
}
