package flashsale.reservations;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import flashsale.platform.http.Problem;
import flashsale.platform.ids.Ids;
import flashsale.platform.persistence.Database;
import flashsale.platform.persistence.TestPostgres;
import flashsale.platform.time.SteadyClock;
import flashsale.reservations.Carts.Item;
import java.util.ArrayList;
import java.util.UUID;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

class CartsTest {
  private static final int ITEMS_MAX = 3;
  private static Database database;
  private static Carts carts;

  private final UUID customer = Ids.next();

  @BeforeAll
  static void open() {
    database = TestPostgres.open("reservations");
    carts = new Carts(database, new SteadyClock(), ITEMS_MAX);
  }

  @AfterAll
  static void close() {
    database.close();
  }

  @Test
  void anItemIsSetChangedAndTakenOut() {
    var cart = carts.create(customer);
    var offer = Ids.next();
    assertThat(carts.put(cart.cartId(), customer, offer, 2).orElseThrow().items())
        .containsExactly(new Item(offer, 2));
    assertThat(carts.put(cart.cartId(), customer, offer, 5).orElseThrow().items())
        .containsExactly(new Item(offer, 5));
    assertThat(carts.put(cart.cartId(), customer, offer, 0).orElseThrow().items()).isEmpty();
  }

  @Test
  void somebodyElsesCartDoesNotExist() {
    var cart = carts.create(customer);
    var stranger = Ids.next();
    assertThat(carts.find(cart.cartId(), stranger)).isEmpty();
    assertThat(carts.put(cart.cartId(), stranger, Ids.next(), 1)).isEmpty();
    assertThat(carts.find(cart.cartId(), customer).orElseThrow().items()).isEmpty();
  }

  @Test
  void aFullCartRefusesOneMoreOfferAndStaysAsItWas() {
    var cart = carts.create(customer);
    for (int i = 0; i < ITEMS_MAX; i++) {
      carts.put(cart.cartId(), customer, Ids.next(), 1);
    }
    assertThatThrownBy(() -> carts.put(cart.cartId(), customer, Ids.next(), 1))
        .isInstanceOfSatisfying(Problem.class, p -> assertThat(p.code()).isEqualTo("CART_FULL"));
    assertThat(carts.find(cart.cartId(), customer).orElseThrow().items()).hasSize(ITEMS_MAX);
  }

  @Test
  void theCartTouchedLongestAgoMakesRoom() {
    var first = carts.create(customer);
    var others = new ArrayList<UUID>();
    for (int i = 0; i < Carts.CARTS_PER_CUSTOMER_MAX; i++) {
      others.add(carts.create(customer).cartId());
    }
    assertThat(carts.find(first.cartId(), customer)).isEmpty();
    assertThat(others).allMatch(id -> carts.find(id, customer).isPresent());
  }
}
