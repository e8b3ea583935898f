package flashsale.acceptance;

/** Every role a service of its own, behind a gateway, without a broker. */
class SameEndSplitTest extends FlowKit {
  @Override
  String[] settings() {
    return new String[] {"payments.gatewayTimeout=4s"};
  }

  @Override
  TestShop start() {
    return TestShop.split(settings());
  }
}
