package flashsale.checkout;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.checkout.Flow.Next;
import flashsale.contracts.Fact;
import java.lang.reflect.RecordComponent;
import java.util.Arrays;
import java.util.EnumMap;
import java.util.Set;
import java.util.TreeSet;
import org.junit.jupiter.api.Test;

class FlowTest {
  /** Pinned on purpose: where a walk may end is what the APIs wait for. */
  @Test
  void walksEndInTheseFactsOnly() {
    assertThat(factsFor(Next.NOBODY))
        .isEqualTo(
            Set.of("PaymentDeclined", "PaymentUnanswered", "ReservationSettled", "SaleKnown"));
  }

  @Test
  void eachRoleTakesTheFactsThatItsDoorDocuments() {
    assertThat(factsFor(Next.ORDERS))
        .isEqualTo(
            Set.of("StockHeld", "StockSold", "HoldReleased", "HoldExpired", "PaymentRefunded"));
    assertThat(factsFor(Next.PAYMENTS))
        .isEqualTo(Set.of("HoldExtended", "HoldGone", "HoldLost", "RefundRequested"));
    assertThat(factsFor(Next.RESERVATIONS))
        .isEqualTo(
            Set.of("StockRefused", "OrderPlaced", "OrderPaid", "OrderCancelled", "StockReturned"));
    assertThat(factsFor(Next.CATALOG)).isEqualTo(Set.of("StockAllocated"));
  }

  private static Set<String> factsFor(Next next) {
    var byNext = new EnumMap<Next, Set<String>>(Next.class);
    for (var type : Fact.class.getPermittedSubclasses()) {
      byNext
          .computeIfAbsent(Flow.after(blank(type)), n -> new TreeSet<>())
          .add(type.getSimpleName());
    }
    return byNext.get(next);
  }

  /** The flow looks at the type only, so the values do not matter. */
  private static Fact blank(Class<?> type) {
    var components = type.getRecordComponents();
    try {
      return (Fact)
          type.getDeclaredConstructor(
                  Arrays.stream(components).map(RecordComponent::getType).toArray(Class<?>[]::new))
              .newInstance(Arrays.stream(components).map(c -> zero(c.getType())).toArray());
    } catch (ReflectiveOperationException e) {
      throw new LinkageError("every fact is a record", e);
    }
  }

  private static Object zero(Class<?> type) {
    return type == int.class ? 0 : type == long.class ? 0L : type == boolean.class ? false : null;
  }
}
