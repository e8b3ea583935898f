package flashsale.doors;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.contracts.Catalog;
import flashsale.contracts.Inventory;
import flashsale.contracts.Orders;
import flashsale.contracts.Payments;
import flashsale.contracts.Reservations;
import flashsale.contracts.TokenAuthority;
import flashsale.platform.messaging.AskedOnce;
import flashsale.platform.messaging.DeadLetterOffice;
import java.lang.reflect.Method;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;

/**
 * Who adds a method to a door says here that a repeat is answered as the first call was, or marks
 * it with {@link AskedOnce}.
 */
class RepeatableDoorsTest {
  private static final Map<Class<?>, Set<String>> REPEATABLE =
      Map.of(
          TokenAuthority.class,
          Set.of("jwks", "endedSince"),
          Catalog.class,
          Set.of("apply", "quotes"),
          Inventory.class,
          Set.of(
              "apply",
              "refusedAtGate",
              "known",
              "figures",
              "stock",
              "openHolds",
              "holds",
              "offers",
              "overLimit",
              "miscounted"),
          Reservations.class,
          Set.of("apply", "unsettled", "pending", "reservations"),
          Orders.class,
          Set.of("apply", "order", "find", "orders"),
          Payments.class,
          Set.of("apply", "pending", "payments", "charges"),
          DeadLetterOffice.class,
          Set.of("list", "find", "decisions"));

  @Test
  void everyMethodIsRepeatableOrAskedOnce() {
    REPEATABLE.forEach(
        (door, repeatable) ->
            assertThat(
                    Arrays.stream(door.getMethods())
                        .filter(method -> !method.isAnnotationPresent(AskedOnce.class))
                        .map(Method::getName)
                        .collect(Collectors.toSet()))
                .as(door.getSimpleName())
                .isEqualTo(repeatable));
  }
}
