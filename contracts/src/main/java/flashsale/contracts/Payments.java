package flashsale.contracts;

import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** The payments' door. Its step takes HoldExtended, HoldGone, HoldLost and RefundRequested. */
public interface Payments extends Step {
  /**
   * One row for each payment id after {@code after} in unsigned byte order, at most {@code max}.
   */
  List<AuditRow.Payment> payments(Optional<UUID> after, int max);
}
