package flashsale.contracts;

import flashsale.contracts.Fact.PaymentRequested;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** The payments' door. Its step takes HoldExtended, HoldGone, HoldLost and RefundRequested. */
public interface Payments extends Step {
  /**
   * The payments that were asked for in {@code [from, to)} and are PENDING still, by that time and
   * id, of those behind {@code after}, at most {@code max}.
   */
  List<PaymentRequested> pending(
      Instant from, Instant to, Optional<PaymentRequested> after, int max);

  /**
   * The payments in unsigned byte order of their reservation ids, of those after {@code after}: at
   * least {@code max} if there are as many. The payments of one reservation are never parted, so
   * that there may be a few more.
   */
  List<AuditRow.Payment> payments(Optional<UUID> after, int max);

  /**
   * What the gateway has ever captured, in unsigned byte order of the keys, of those after {@code
   * after}, at most {@code max}, and what our payments say of it.
   *
   * @throws CheckoutUnavailable if the gateway does not answer
   */
  List<AuditRow.Charge> charges(Optional<UUID> after, int max);
}
