package flashsale.platform.messaging;

import static org.assertj.core.api.Assertions.assertThat;

import flashsale.platform.messaging.Bus.Message;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.Test;

class HandoverTest {
  @Test
  void aBatchThatSucceedsIsHandedOverOnce() {
    var recorder = new Recorder();
    var handover = Handover.of(recorder, BusKit.messages(10, 10));
    assertThat(recorder.handed()).hasSize(1);
    assertThat(handover.failed()).isEmpty();
    assertThat(handover.heldBack()).isEmpty();
  }

  @Test
  void aSingleMessageThatFailsIsNotTriedTwice() {
    var recorder = new Recorder(HandoverTest::fail);
    var handover = Handover.of(recorder, BusKit.messages(1, 1));
    assertThat(recorder.handed()).hasSize(1);
    assertThat(handover.failed()).hasSize(1);
  }

  @Test
  void whatFollowsAFailedMessageOfItsKeyIsHeldBack() {
    var messages = BusKit.messages(6, 2);
    var recorder = new Recorder(batch -> failWith(batch, messages.get(2)));
    var handover = Handover.of(recorder, messages);
    assertThat(failed(handover)).containsExactly(messages.get(2).id());
    assertThat(handover.heldBack()).containsExactly(messages.get(4));
    assertThat(recorder.done())
        .containsExactly(messages.get(0), messages.get(1), messages.get(3), messages.get(5));
    assertThat(handover.exhausted()).isFalse();
  }

  @Test
  void afterSeveralFailuresInARowTheRestIsNotTried() {
    var messages = BusKit.messages(100, 100);
    var recorder = new Recorder(HandoverTest::fail);
    var handover = Handover.of(recorder, messages);
    assertThat(handover.failed()).hasSize(Handover.FAILURES_IN_A_ROW_MAX);
    assertThat(handover.heldBack()).hasSize(100 - Handover.FAILURES_IN_A_ROW_MAX);
    assertThat(recorder.handed()).hasSize(1 + Handover.FAILURES_IN_A_ROW_MAX);
    assertThat(handover.exhausted()).isTrue();
  }

  @Test
  void permanentFailuresAreNoSignOfAnOutage() {
    var recorder =
        new Recorder(
            _ -> {
              throw new Permanent("unreadable");
            });
    var handover = Handover.of(recorder, BusKit.messages(100, 10));
    assertThat(handover.failed()).hasSize(100);
    assertThat(handover.exhausted()).isFalse();
  }

  private static void fail(List<Message> batch) {
    throw new IllegalStateException("not now: " + batch.size());
  }

  private static void failWith(List<Message> batch, Message poisoned) {
    if (batch.contains(poisoned)) {
      fail(batch);
    }
  }

  private static List<UUID> failed(Handover handover) {
    return handover.failed().stream().map(failure -> failure.message().id()).toList();
  }
}
