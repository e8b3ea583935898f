package flashsale.platform.net;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.util.ArrayList;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

class LoopbackPortsTest {
  @Test
  void noPortIsGivenTwiceHoweverManyAskAtATime() throws Exception {
    var given = new ArrayList<Integer>();
    try (var threads = Executors.newFixedThreadPool(8)) {
      Callable<Integer> ask = LoopbackPorts::free;
      var asked = Stream.generate(() -> threads.submit(ask)).limit(400).toList();
      for (Future<Integer> one : asked) {
        given.add(one.get());
      }
    }
    assertThat(given).doesNotHaveDuplicates().allMatch(port -> port >= 10_000 && port < 32_000);
  }

  @Test
  void whatSomebodyListensOnIsNotFree() throws IOException {
    int next = LoopbackPorts.free() + 1;
    try (var taken = new ServerSocket(next, 1, InetAddress.getLoopbackAddress())) {
      assertThat(LoopbackPorts.isFree(taken.getLocalPort())).isFalse();
      assertThat(LoopbackPorts.free()).isNotEqualTo(next);
    }
    assertThat(LoopbackPorts.isFree(next)).isTrue();
  }
}
