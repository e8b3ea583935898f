package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.acceptance.TestShop.Ask;
import org.junit.jupiter.api.Test;

/** Without a broker: the outbox's relay walks the flow itself. */
class AsyncTest extends AsyncKit {
  @Override
  String[] settings() {
    return new String[0];
  }

  @Test
  void theConfiguredArchitectureHoldsForWhoSaysNothing() {
    try (var async = TestShop.start("checkout.architecture=async")) {
      var offer = async.openSale(new Ask(10, 0, 100)).offerId();
      var customer = async.customer();
      var accepted = customer.reserve(offer, 1).expect(202);
      assertThat(decided(customer, accepted).text("state")).isEqualTo("HELD");
      async.assertAudited();
    }
  }
}
