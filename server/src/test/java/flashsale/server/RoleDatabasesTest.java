package flashsale.server;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.EnumSet;
import org.junit.jupiter.api.Test;

class RoleDatabasesTest {
  @Test
  void aProcessHasTheDatabasesOfItsRolesAndThePaymentsHaveTheGatewaysToo() {
    assertThat(RoleDatabases.of(EnumSet.of(Role.ORDERS))).containsExactly("orders");
    assertThat(RoleDatabases.of(EnumSet.of(Role.PAYMENTS))).containsExactly("payments", "gateway");
    assertThat(RoleDatabases.of(EnumSet.allOf(Role.class))).isEqualTo(RoleDatabases.ROLES);
  }
}
