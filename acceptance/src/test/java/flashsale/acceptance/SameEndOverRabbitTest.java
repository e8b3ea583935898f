package flashsale.acceptance;

import flashsale.platform.messaging.TestRabbit;

/** Over RabbitMQ: what nobody waits for goes from role to role through queues. */
class SameEndOverRabbitTest extends FlowKit {
  private final TestRabbit broker = TestRabbit.start();

  @Override
  String[] settings() {
    return new String[] {"messaging.url=" + broker.url(), "payments.gatewayTimeout=4s"};
  }

  @Override
  void closeBroker() {
    broker.close();
  }
}
