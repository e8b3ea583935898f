package flashsale.platform.messaging;

import flashsale.platform.messaging.DeadLetter.Decision;
import flashsale.platform.messaging.DeadLetters.Filter;
import flashsale.platform.messaging.DeadLetters.Outcome;
import flashsale.platform.messaging.DeadLetters.Position;
import java.util.List;
import java.util.Optional;
import java.util.UUID;

/** What operators may do about one role's dead letters, wherever the role is. */
public interface DeadLetterOffice {
  /**
   * The letters in question, the latest first.
   *
   * @param after empty for the first page
   */
  List<DeadLetter> list(Filter filter, Optional<Position> after, int max);

  Optional<DeadLetter> find(UUID id);

  /** Who decided what about a letter, the earliest first. */
  List<Decision> decisions(UUID id);

  /**
   * Puts a parked letter back into the role's outbox, as if it had never been tried.
   *
   * @param by the operator
   * @param forced in spite of the loop guard
   */
  @AskedOnce
  Outcome replay(UUID id, UUID by, boolean forced);

  /**
   * The same for the parked letters of a category, the earliest first, without those that the loop
   * guard holds.
   *
   * @return how many; if {@link DeadLetters#REPLAYED_AT_ONCE_MAX} there may be more
   */
  @AskedOnce
  int replayAll(FailureCategory category, UUID by);

  /** Nobody will drive this letter on; it stays to be looked at. */
  @AskedOnce
  Outcome discard(UUID id, UUID by);
}
