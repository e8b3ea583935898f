package flashsale.acceptance;

/** Without a broker: what nobody waits for is walked by the outbox's relay. */
class SameEndTest extends FlowKit {
  @Override
  String[] settings() {
    return new String[] {"payments.gatewayTimeout=4s"};
  }
}
