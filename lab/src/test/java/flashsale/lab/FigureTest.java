package flashsale.lab;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.json.Json;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class FigureTest {
  private static Figure figure(Figure.Bound bound, double bar, Double... rounds) {
    return Figure.of("refusal/noop", "share", bound, bar, List.of(rounds), Map.of());
  }

  @Test
  void theValueIsTheMedianOfTheRounds() {
    assertThat(Figure.median(List.of(3.0))).isEqualTo(3.0);
    assertThat(Figure.median(List.of(9.0, 1.0, 2.0))).isEqualTo(2.0);
    assertThat(Figure.median(List.of(9.0, 1.0, 2.0, 4.0))).isEqualTo(3.0);
    assertThatThrownBy(() -> Figure.median(List.of())).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void atLeastIncludesTheBarAndUnderDoesNot() {
    assertThat(figure(Figure.Bound.AT_LEAST, 0.7, 0.7).met()).isTrue();
    assertThat(figure(Figure.Bound.AT_LEAST, 0.7, 0.69).met()).isFalse();
    assertThat(figure(Figure.Bound.UNDER, 400, 399.9).met()).isTrue();
    assertThat(figure(Figure.Bound.UNDER, 400, 400.0).met()).isFalse();
  }

  @Test
  void theTableSaysByHowMuchABarIsMissed() {
    var table =
        Figure.table(
            List.of(
                figure(Figure.Bound.AT_LEAST, 0.7, 0.63, 0.62, 0.64),
                figure(Figure.Bound.UNDER, 0.7, 0.5)));

    assertThat(table)
        .contains("at least 0.70", "0.62 to 0.64", "missed by 0.07 (10 %)", "under 0.70", "met");
  }

  @Test
  void whatIsOnlyShownHasNoBarAndWhatMustNotHappenIsAddedUp() {
    var shown = Figure.shown("async-backlog", "/s", List.of(900.0), Map.of());
    var none = Figure.none("async-failures", List.of(0.0, 0.0, 2.0), Map.of());

    assertThat(shown.met()).isTrue();
    assertThat(none.met()).isFalse();
    assertThat(none.value()).isEqualTo(2);
    assertThat(Figure.none("async-failures", List.of(0.0, 0.0), Map.of()).met()).isTrue();
    assertThat(Figure.table(List.of(shown, none)))
        .contains("900.00 /s", "shown", "at most 0.00", "missed by 2");
  }

  @Test
  void theJsonHasNameValueUnitBarAndRounds() throws JsonProcessingException {
    var figure =
        Figure.of(
            "hot-reservation/naive",
            "times",
            Figure.Bound.AT_LEAST,
            10,
            List.of(12.34567, 11.0, 13.0),
            Map.of("naive peer", Figure.Series.rates(List.of(800.0, 900.0, 850.0))));

    var json = Json.tolerant().readTree(Figure.json(List.of(figure)));

    assertThat(json.isArray()).isTrue();
    var first = json.get(0);
    assertThat(first.get("name").asText()).isEqualTo("hot-reservation/naive");
    assertThat(first.get("value").asDouble()).isEqualTo(12.3457);
    assertThat(first.get("unit").asText()).isEqualTo("times");
    assertThat(first.get("bar").asDouble()).isEqualTo(10);
    assertThat(first.get("comparison").asText()).isEqualTo("at least");
    assertThat(first.get("rounds")).hasSize(3);
    assertThat(first.get("behind").get("naive peer").get(1).asDouble()).isEqualTo(900);
  }

  @Test
  void roundsTakeEveryContestantInTurnAndEverySecondTimeBackwards() {
    var order = new ArrayList<String>();
    var rounds = new Rounds();
    for (var name : List.of("a", "b", "c")) {
      rounds.add(
          name,
          n -> {
            order.add(name + n);
            return n * (name.equals("a") ? 1.0 : 2.0);
          });
    }
    var told = new ArrayList<String>();
    rounds.warmUp(told::add);
    rounds.measure(3, told::add);

    assertThat(order)
        .containsExactly("a0", "b0", "c0", "a1", "b1", "c1", "c2", "b2", "a2", "a3", "b3", "c3");
    assertThat(rounds.of("a")).containsExactly(1.0, 2.0, 3.0);
    assertThat(rounds.share("a", "b")).containsExactly(0.5, 0.5, 0.5);
    assertThat(told).hasSize(12);
  }

  @Test
  void contestantsAreWarmedUpUntilNoneIsMuchFasterThanBefore() {
    var rounds = new Rounds();
    var numbers = new ArrayList<Integer>();
    var rates = List.of(100.0, 200.0, 250.0, 260.0).iterator();
    rounds.add("grows", n -> rates.next());
    rounds.add(
        "stays",
        n -> {
          numbers.add(n);
          return 100;
        });
    rounds.warmUpUntilSteady(told -> {});

    assertThat(rates.hasNext()).isFalse();
    assertThat(numbers).containsExactly(0, 0, 0, 0);
    assertThat(rounds.of("grows")).isEmpty();
  }

  @Test
  void whatGrowsForeverIsMeasuredAllTheSame() {
    var rounds = new Rounds();
    var passes = new ArrayList<Double>(List.of(1.0));
    rounds.add(
        "grows",
        n -> {
          passes.add(2 * passes.getLast());
          return passes.getLast();
        });
    rounds.warmUpUntilSteady(told -> {});

    assertThat(passes).hasSize(11);
  }
}
