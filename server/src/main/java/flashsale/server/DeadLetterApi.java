package flashsale.server;

import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import flashsale.platform.messaging.DeadLetter;
import flashsale.platform.messaging.DeadLetterOffice;
import flashsale.platform.messaging.DeadLetters;
import flashsale.platform.messaging.DeadLetters.Filter;
import flashsale.platform.messaging.FailureCategory;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.UUID;
import java.util.stream.Collectors;

/** The roles' dead letters over HTTP: operators look at them and decide what becomes of them. */
final class DeadLetterApi {
  /** A letter in a list. */
  record Summary(
      UUID id,
      String role,
      UUID key,
      String type,
      FailureCategory category,
      String reason,
      int attempts,
      Instant firstAt,
      Instant lastAt,
      DeadLetter.State state,
      int replays) {
    static Summary of(DeadLetter letter) {
      return new Summary(
          letter.id(),
          letter.role(),
          letter.key(),
          letter.type(),
          letter.category(),
          letter.reason(),
          letter.attempts(),
          letter.firstAt(),
          letter.lastAt(),
          letter.state(),
          letter.replays());
    }
  }

  record Page(List<Summary> deadLetters, String next) {}

  record Detail(DeadLetter deadLetter, List<DeadLetter.Decision> decisions) {}

  record ReplayBody(Boolean force) {}

  record CategoryBody(String role, String category) {}

  record Replayed(int replayed) {}

  private static final String LETTERS = "/api/v1/admin/dead-letters";
  private static final String LETTER = LETTERS + "/{letterId}";
  private static final int PAGE = 20;
  private static final int PAGE_MAX = 100;

  private static final Comparator<DeadLetter> LATEST_FIRST =
      Comparator.comparing(DeadLetter::firstAt)
          .thenComparing(letter -> letter.id().toString())
          .reversed();

  private final Map<String, DeadLetterOffice> roles;

  /**
   * For these roles.
   *
   * @param roles by name
   */
  DeadLetterApi(Map<String, ? extends DeadLetterOffice> roles) {
    this.roles = new TreeMap<>(roles);
  }

  void routes(Routes routes) {
    routes
        .get(LETTERS, Access.OPERATOR, this::list)
        .post(LETTERS + "/replay", Access.OPERATOR, this::replayCategory)
        .get(LETTER, Access.OPERATOR, this::show)
        .post(LETTER + "/replay", Access.OPERATOR, this::replay)
        .post(LETTER + "/discard", Access.OPERATOR, this::discard);
  }

  private Answer list(Call call) {
    int limit = call.queryInt("limit", PAGE, 1, PAGE_MAX);
    var filter =
        new Filter(
            choice(call, "category", FailureCategory.class),
            choice(call, "state", DeadLetter.State.class));
    var after = call.query("cursor").map(DeadLetterCursor::parse);
    var letters =
        asked(call).stream()
            .flatMap(role -> role.list(filter, after, limit + 1).stream())
            .sorted(LATEST_FIRST)
            .limit(limit + 1L)
            .toList();
    var page = letters.subList(0, Math.min(limit, letters.size()));
    var next = letters.size() > limit ? DeadLetterCursor.behind(page.getLast()) : null;
    return Answer.ok(new Page(page.stream().map(Summary::of).toList(), next));
  }

  private Collection<DeadLetterOffice> asked(Call call) {
    var name = call.query("role");
    if (name.isEmpty()) {
      return roles.values();
    }
    var role = roles.get(name.get());
    if (role == null) {
      throw Problem.badRequest("INVALID_QUERY", oneOf("role", roles.keySet()));
    }
    return List.of(role);
  }

  private static <E extends Enum<E>> E choice(Call call, String name, Class<E> type) {
    var text = call.query(name);
    return text.isEmpty()
        ? null
        : constant(text.get(), type)
            .orElseThrow(
                () ->
                    Problem.badRequest(
                        "INVALID_QUERY", oneOf(name, Arrays.asList(type.getEnumConstants()))));
  }

  private static <E extends Enum<E>> Optional<E> constant(String text, Class<E> type) {
    return Arrays.stream(type.getEnumConstants()).filter(e -> e.name().equals(text)).findFirst();
  }

  private static String oneOf(String name, Collection<?> choices) {
    return choices.stream()
        .map(Object::toString)
        .collect(Collectors.joining(", ", name + " must be one of ", "."));
  }

  private Answer show(Call call) {
    return detail(letter(call));
  }

  private Answer detail(DeadLetter letter) {
    return Answer.ok(new Detail(letter, roles.get(letter.role()).decisions(letter.id())));
  }

  /** Of the role that has it; an id is derived from its fact, so no two roles have the same. */
  private DeadLetter letter(Call call) {
    var id = call.pathId("letterId", "dead letter");
    return roles.values().stream()
        .flatMap(role -> role.find(id).stream())
        .findFirst()
        .orElseThrow(() -> Problem.notFound("dead letter"));
  }

  private Answer replay(Call call) {
    boolean forced = Boolean.TRUE.equals(call.body(ReplayBody.class).force());
    var letter = letter(call);
    var role = roles.get(letter.role());
    return decided(letter, role.replay(letter.id(), call.caller().userId(), forced));
  }

  private Answer discard(Call call) {
    var letter = letter(call);
    var role = roles.get(letter.role());
    return decided(letter, role.discard(letter.id(), call.caller().userId()));
  }

  private Answer decided(DeadLetter letter, DeadLetters.Outcome outcome) {
    return switch (outcome) {
      case DONE -> detail(roles.get(letter.role()).find(letter.id()).orElseThrow());
      case UNKNOWN -> throw Problem.notFound("dead letter");
      case NOT_PARKED ->
          throw Problem.conflict(
              "DEAD_LETTER_NOT_PARKED", "The dead letter has been decided upon already.");
      case REPLAYED_TOO_OFTEN ->
          throw Problem.conflict(
                  "REPLAYED_TOO_OFTEN",
                  "It has been replayed %d times and failed again; look at why, then force it."
                      .formatted(letter.replays()))
              .with("max", DeadLetters.REPLAYS_MAX);
      case STILL_UNDER_WAY ->
          throw Problem.conflict(
                  "STILL_RUNNING", "The message itself is still under way; try again.")
              .retryAfter(Duration.ofSeconds(1));
    };
  }

  private Answer replayCategory(Call call) {
    var body = call.body(CategoryBody.class);
    var role = body.role() == null ? null : roles.get(body.role());
    if (role == null) {
      throw invalid("role", roles.keySet());
    }
    var category =
        constant(body.category(), FailureCategory.class)
            .orElseThrow(() -> invalid("category", Arrays.asList(FailureCategory.values())));
    return Answer.ok(new Replayed(role.replayAll(category, call.caller().userId())));
  }

  private static Problem invalid(String field, Collection<?> choices) {
    return Problem.unprocessable("INVALID_VALUE", oneOf(field, choices)).with("field", field);
  }
}
