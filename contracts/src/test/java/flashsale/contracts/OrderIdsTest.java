package flashsale.contracts;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.UUID;
import org.junit.jupiter.api.Test;

class OrderIdsTest {
  private static final UUID RESERVATION = UUID.fromString("01932e1c-7a10-7c3d-9b21-4f0c5d6e7f80");

  @Test
  void anOrderIdLeadsBackToItsReservation() {
    var orderId = OrderIds.of(RESERVATION);
    assertThat(orderId).isNotEqualTo(RESERVATION);
    assertThat(OrderIds.reservationOf(orderId)).isEqualTo(RESERVATION);
  }

  @Test
  void theUpperHalfTheVersionAndTheVariantStay() {
    var orderId = OrderIds.of(RESERVATION);
    assertThat(orderId.getMostSignificantBits()).isEqualTo(RESERVATION.getMostSignificantBits());
    assertThat(orderId.version()).isEqualTo(7);
    assertThat(orderId.variant()).isEqualTo(2);
  }

  @Test
  void theMappingNeverChangesBecauseStoredOrdersDependOnIt() {
    assertThat(OrderIds.of(RESERVATION))
        .isEqualTo(UUID.fromString("01932e1c-7a10-7c3d-87bf-25398f993401"));
  }
}
