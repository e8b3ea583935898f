package flashsale.acceptance;

/** Every role a service of its own, with queues between them for what nobody waits for. */
class SameEndSplitOverRabbitTest extends SameEndOverRabbitTest {
  @Override
  TestShop start() {
    return TestShop.split(settings());
  }
}
