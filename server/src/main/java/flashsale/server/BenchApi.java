package flashsale.server;

import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.RouteClass;
import flashsale.platform.http.Routes;
import java.util.List;
import java.util.UUID;

/**
 * What the benchmark measures everything against: the same server, doing nothing but parse and
 * answer. Mounted only when the server is started for a benchmark.
 */
final class BenchApi {
  private record Item(UUID offerId, int quantity) {}

  private record Body(UUID cartId, List<Item> lines) {}

  private record Parsed(int lines) {}

  void routes(Routes routes) {
    routes
        .classed(RouteClass.UNLIMITED, "POST", "/bench/noop", Access.PUBLIC, this::post)
        .classed(
            RouteClass.UNLIMITED,
            "GET",
            "/bench/noop",
            Access.PUBLIC,
            call -> Answer.ok(new Parsed(0)));
  }

  private Answer post(Call call) {
    var body = call.body(Body.class);
    return Answer.json(201, new Parsed(body.lines() == null ? 0 : body.lines().size()));
  }
}
