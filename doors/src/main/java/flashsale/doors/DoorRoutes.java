package flashsale.doors;

import flashsale.contracts.CheckoutUnavailable;
import flashsale.platform.http.Access;
import flashsale.platform.http.Answer;
import flashsale.platform.http.Call;
import flashsale.platform.http.Problem;
import flashsale.platform.http.Routes;
import flashsale.platform.messaging.FailureCategory;
import flashsale.platform.time.Deadline;
import java.io.IOException;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Method;
import java.time.Duration;
import java.util.Optional;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A role's door for other processes: {@code POST /doors/ROLE/METHOD} with the arguments. A failure
 * is answered with its category as the problem's code, so that the other side can tell whether
 * trying again helps.
 */
public final class DoorRoutes {
  private static final Logger LOG = LoggerFactory.getLogger(DoorRoutes.class);
  private static final Duration RETRY_AFTER = Duration.ofSeconds(1);

  private DoorRoutes() {}

  /** Adds a route for each method of the door. */
  public static <D> void add(Routes routes, String role, Class<D> door, D implementation) {
    for (var method : door.getMethods()) {
      routes.post(
          path(role, method.getName()),
          Access.OPERATOR,
          call -> answer(method, implementation, call));
    }
  }

  static String path(String role, String method) {
    return "/doors/" + role + "/" + method;
  }

  private static Answer answer(Method method, Object implementation, Call call) {
    var left = call.header(DoorExchange.DEADLINE).flatMap(DoorRoutes::millis);
    if (left.isPresent() && !left.get().isPositive()) {
      throw Problem.unavailable(
          FailureCategory.DEPENDENCY_DOWN.name(), "The caller's time is over.", RETRY_AFTER);
    }
    try {
      var arguments = DoorJson.arguments(method, call.content());
      var result =
          left.isPresent()
              ? Deadline.in(left.get()).during(() -> invoke(method, implementation, arguments))
              : invoke(method, implementation, arguments);
      return Answer.bytes("application/json", DoorJson.result(result));
    } catch (IOException e) {
      throw Problem.badRequest(FailureCategory.BAD_INPUT.name(), e.getMessage());
    } catch (RuntimeException e) {
      throw problem(method, e);
    }
  }

  private static Optional<Duration> millis(String text) {
    try {
      return Optional.of(Duration.ofMillis(Long.parseLong(text)));
    } catch (NumberFormatException e) {
      throw Problem.badRequest(
          FailureCategory.BAD_INPUT.name(), DoorExchange.DEADLINE + " must be a whole number.");
    }
  }

  private static Object invoke(Method method, Object implementation, Object[] arguments) {
    try {
      return method.invoke(implementation, arguments);
    } catch (InvocationTargetException e) {
      switch (e.getCause()) {
        case RuntimeException failure -> throw failure;
        case Error error -> throw error;
        default -> throw new IllegalStateException(e.getCause());
      }
    } catch (IllegalAccessException e) {
      throw new IllegalStateException(method + " cannot be called", e);
    }
  }

  private static Problem problem(Method method, RuntimeException e) {
    var category =
        e instanceof CheckoutUnavailable ? FailureCategory.DEPENDENCY_DOWN : FailureCategory.of(e);
    var said = method.getName() + ": " + e.getMessage();
    return switch (category) {
      case DEPENDENCY_DOWN -> Problem.unavailable(category.name(), said, RETRY_AFTER);
      case BAD_INPUT -> Problem.badRequest(category.name(), said);
      case REFUSED_BY_RULE -> Problem.conflict(category.name(), said);
      case BUG -> {
        LOG.error("the door's {} failed", method.getName(), e);
        yield Problem.of(500, category.name(), said);
      }
    };
  }
}
