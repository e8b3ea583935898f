package flashsale.acceptance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.awaitility.Awaitility.await;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * The flow ends in both architectures in the same state: every story is told once to customers who
 * wait for their answers and once to customers who do not, and the rows of all roles are in the end
 * those of one golden file. Each test class that inherits this says by its settings which way the
 * facts take. The stories go on side by side, because most of their time is waiting.
 */
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class FlowKit {
  private static final Duration SETTLED_MAX = Duration.ofSeconds(90);
  private static final List<String> WITH_OUTBOX =
      List.of("catalog", "inventory", "orders", "payments", "reservations");

  private record Told(FlowStory story, boolean async) {}

  private final Map<Told, Future<FlowScene>> scenes = new HashMap<>();
  private final ExecutorService threads = Executors.newVirtualThreadPerTaskExecutor();
  private TestShop shop;

  /** Each as {@code name=value}. */
  abstract String[] settings();

  /** One process, unless a test says otherwise. */
  TestShop start() {
    return TestShop.start(settings());
  }

  /** Comes between the shop and what carries its facts, before the first story. */
  void meddle() {}

  /**
   * Returns when the inventory has extended this hold, for a payment that nobody waits for, as
   * often as it will be asked to.
   */
  void awaitExtended(UUID reservationId) {}

  /** Returns when nothing is under way any more that {@link #meddle} has to do with. */
  void awaitQuiet() {}

  /** Ends what the settings speak of, after the shop. */
  void closeBroker() {}

  static Stream<Arguments> tellings() {
    return Stream.of(FlowStory.values())
        .flatMap(story -> Stream.of(Arguments.of(story, false), Arguments.of(story, true)));
  }

  @BeforeAll
  void begin() {
    shop = start();
    meddle();
    for (var story : FlowStory.values()) {
      for (boolean async : new boolean[] {false, true}) {
        scenes.put(new Told(story, async), threads.submit(() -> play(story, async)));
      }
    }
  }

  private FlowScene play(FlowStory story, boolean async) {
    var scene = new FlowScene(shop, async, this::awaitExtended);
    story.play(scene);
    return scene;
  }

  @ParameterizedTest(name = "{0}, respond-async: {1}")
  @MethodSource("tellings")
  void endsAsEverywhere(FlowStory story, boolean async) throws Exception {
    var scene = scenes.get(new Told(story, async)).get();
    await()
        .atMost(SETTLED_MAX)
        .untilAsserted(() -> assertThat(scene.text()).isEqualTo(golden(story)));
  }

  /** What still came after the end changed nothing. */
  @AfterAll
  void andStaysSo() throws Exception {
    try (var closing = shop;
        threads) {
      awaitQuiet();
      for (var role : WITH_OUTBOX) {
        await(role + "'s outbox is empty")
            .atMost(SETTLED_MAX)
            .until(() -> closing.sql(role).number("SELECT count(*) FROM outbox") == 0);
      }
      for (var told : scenes.keySet()) {
        assertThat(scenes.get(told).get().text())
            .as(told.toString())
            .isEqualTo(golden(told.story()));
      }
      closing.assertAudited();
    } finally {
      closeBroker();
    }
  }

  private static String golden(FlowStory story) {
    try (var file = FlowKit.class.getResourceAsStream(story.file())) {
      assertThat(file).as(story.file()).isNotNull();
      return new String(file.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
