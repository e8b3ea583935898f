package flashsale.payments;

import java.util.List;
import java.util.Optional;
import java.util.UUID;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.BiConsumer;

/** The line to a gateway, with somebody who can cut it before or behind any call. */
final class UnreliableGateway implements PaymentGateway {
  /** What happens to a call; may throw. */
  interface Line {
    void carry(UUID key);

    /** Nothing happens. */
    static void sound(UUID key) {}
  }

  final AtomicInteger charges = new AtomicInteger();
  final AtomicInteger looks = new AtomicInteger();
  volatile Line beforeCharge = Line::sound;
  volatile Line afterCharge = Line::sound;
  volatile Line beforeOther = Line::sound;
  private final PaymentGateway gateway;

  UnreliableGateway(PaymentGateway gateway) {
    this.gateway = gateway;
  }

  /** Nothing answers any more. */
  void cut() {
    beforeCharge = key -> fail();
    beforeOther = key -> fail();
  }

  void mend() {
    beforeCharge = Line::sound;
    afterCharge = Line::sound;
    beforeOther = Line::sound;
  }

  private static void fail() {
    throw new NoAnswer("the line is cut");
  }

  @Override
  public boolean knows(String method) {
    return gateway.knows(method);
  }

  @Override
  public Outcome charge(Charge charge) {
    charges.incrementAndGet();
    beforeCharge.carry(charge.key());
    var outcome = gateway.charge(charge);
    afterCharge.carry(charge.key());
    return outcome;
  }

  @Override
  public Optional<Outcome> lookup(UUID key) {
    looks.incrementAndGet();
    beforeOther.carry(key);
    return gateway.lookup(key);
  }

  @Override
  public Outcome cancel(UUID key) {
    looks.incrementAndGet();
    beforeOther.carry(key);
    return gateway.cancel(key);
  }

  @Override
  public String refund(UUID key) {
    beforeOther.carry(key);
    return gateway.refund(key);
  }

  @Override
  public List<Entry> charges(Optional<UUID> after, int max) {
    beforeOther.carry(after.orElse(null));
    return gateway.charges(after, max);
  }

  @Override
  public void onAnswer(BiConsumer<UUID, Outcome> listener) {
    gateway.onAnswer(listener);
  }
}
