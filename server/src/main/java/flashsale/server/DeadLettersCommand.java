package flashsale.server;

import com.fasterxml.jackson.databind.JsonNode;
import flashsale.platform.ids.Ids;
import flashsale.platform.json.Json;
import flashsale.platform.messaging.DeadLetter;
import flashsale.platform.messaging.FailureCategory;
import java.util.Map;
import java.util.stream.Collectors;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** What operators do with messages that could not be driven to their end, at a running server. */
@Command(
    name = "deadletters",
    description = "Shows the messages that could not be driven to their end, and decides on them.")
final class DeadLettersCommand implements Runnable {
  private static final String LETTERS = "/api/v1/admin/dead-letters";
  private static final String WHICH = "The dead letter's id.";
  private static final int REASON_MAX_CHARS = 60;

  @Spec private CommandSpec spec;

  @Command(name = "list", description = "Lists dead letters, the latest first.")
  int list(
      @Mixin OperatorOptions server,
      @Option(names = "--role", paramLabel = "ROLE", description = "Of this role only.")
          String role,
      @Option(
              names = "--category",
              paramLabel = "CATEGORY",
              description = "Of this category only: ${COMPLETION-CANDIDATES}.")
          FailureCategory category,
      @Option(
              names = "--state",
              paramLabel = "STATE",
              description = "In this state only: ${COMPLETION-CANDIDATES}.")
          DeadLetter.State state,
      @Option(names = "--json", description = "The list as JSON.") boolean json) {
    try (var client = server.signIn()) {
      var letters = client.all(LETTERS + query(role, category, state), "deadLetters");
      if (json) {
        return print(Json.text(Map.of("deadLetters", letters)) + "\n");
      }
      var table = new TextTable("id", "role", "type", "category", "state", "replays", "reason");
      letters.forEach(letter -> row(table, letter));
      return print(table.toString());
    }
  }

  private String query(String role, FailureCategory category, DeadLetter.State state) {
    if (role != null && !role.matches("[a-z]+")) {
      throw new ParameterException(spec.commandLine(), role + " is no role.");
    }
    var query = new StringBuilder("?");
    query.append(role == null ? "" : "role=" + role + "&");
    query.append(category == null ? "" : "category=" + category + "&");
    query.append(state == null ? "" : "state=" + state + "&");
    query.setLength(query.length() - 1);
    return query.toString();
  }

  private static void row(TextTable table, JsonNode letter) {
    var reason = letter.path("reason").asText().lines().findFirst().orElse("");
    table.row(
        letter.path("id").asText(),
        letter.path("role").asText(),
        letter.path("type").asText(),
        letter.path("category").asText(),
        letter.path("state").asText(),
        letter.path("replays").asInt(),
        reason.substring(0, Math.min(REASON_MAX_CHARS, reason.length())));
  }

  @Command(name = "show", description = "Shows a dead letter, and who decided what about it.")
  int show(
      @Mixin OperatorOptions server,
      @Parameters(paramLabel = "ID", description = WHICH) String id,
      @Option(names = "--json", description = "The letter as JSON.") boolean json) {
    var path = path(id);
    try (var client = server.signIn()) {
      var answer = client.get(path);
      return print(json ? Json.text(answer) + "\n" : text(answer));
    }
  }

  @Command(
      name = "replay",
      description = {
        "Gives a dead letter, or all parked ones of a category, back to the role that failed.",
        "One that keeps failing is given back a few times only, unless it is forced."
      })
  int replay(
      @Mixin OperatorOptions server,
      @Parameters(paramLabel = "ID", arity = "0..1", description = WHICH) String id,
      @Option(names = "--force", description = "However often it has been replayed.") boolean force,
      @Option(names = "--role", paramLabel = "ROLE", description = "Whose; with --category.")
          String role,
      @Option(
              names = "--category",
              paramLabel = "CATEGORY",
              description = "All of it, with --role: ${COMPLETION-CANDIDATES}.")
          FailureCategory category) {
    if (id == null ? role == null || category == null || force : role != null || category != null) {
      throw new ParameterException(
          spec.commandLine(), "Which? Give an id, or --role and --category, not both.");
    }
    return id == null ? replay(server, role, category) : replay(server, path(id), force);
  }

  private int replay(OperatorOptions server, String path, boolean force) {
    try (var client = server.signIn()) {
      return print(text(client.post(path + "/replay", Map.of("force", force))));
    }
  }

  /** One round: whoever has more letters than the server takes at a time sees the number. */
  private int replay(OperatorOptions server, String role, FailureCategory category) {
    var body = Map.of("role", role, "category", category.name());
    try (var client = server.signIn()) {
      int replayed = client.post(LETTERS + "/replay", body).path("replayed").asInt();
      return print("Replayed %d; what fails again is parked again.%n".formatted(replayed));
    }
  }

  @Command(name = "discard", description = "Nobody will drive this dead letter on; it is kept.")
  int discard(
      @Mixin OperatorOptions server,
      @Parameters(paramLabel = "ID", description = WHICH) String id) {
    var path = path(id);
    try (var client = server.signIn()) {
      return print(text(client.post(path + "/discard", null)));
    }
  }

  private String path(String id) {
    if (Ids.parse(id).isEmpty()) {
      throw new ParameterException(
          spec.commandLine(), id + " is no id; `flashsale deadletters list` shows them.");
    }
    return LETTERS + "/" + id;
  }

  private static String text(JsonNode detail) {
    var letter = detail.path("deadLetter");
    var decisions = new TextTable("decided", "by", "at", "");
    for (var decision : detail.path("decisions")) {
      decisions.row(
          decision.path("decision").asText(),
          decision.path("by").asText("automatic"),
          decision.path("at").asText(),
          decision.path("forced").asBoolean() ? "forced" : "");
    }
    return "%s  %s of %s%n%s, %s after %d attempts from %s to %s; replayed %d times%n%n%s%n%n%s%n%n%s"
        .formatted(
            letter.path("id").asText(),
            letter.path("type").asText(),
            letter.path("role").asText(),
            letter.path("state").asText(),
            letter.path("category").asText(),
            letter.path("attempts").asInt(),
            letter.path("firstAt").asText(),
            letter.path("lastAt").asText(),
            letter.path("replays").asInt(),
            letter.path("envelope").asText(),
            letter.path("stack").asText(),
            decisions);
  }

  private int print(String text) {
    var out = spec.commandLine().getOut();
    out.print(text);
    out.flush();
    return ExitCode.OK.code();
  }

  @Override
  public void run() {
    throw new CommandLine.ParameterException(
        spec.commandLine(),
        "What about the dead letters? One of "
            + spec.subcommands().keySet().stream().sorted().collect(Collectors.joining(", ")));
  }
}
