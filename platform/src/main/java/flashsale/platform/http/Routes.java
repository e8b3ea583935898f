package flashsale.platform.http;

import java.util.Collections;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;

/**
 * The list of what is served: each role adds its own, {@link HttpServer} serves them, and the test
 * of the OpenAPI document compares the two. Paths are absolute, with {@code {name}} for a variable
 * part. Thread-safe: parts that start side by side add theirs.
 */
public final class Routes {
  /**
   * One entry.
   *
   * @param always answered also when the server is full, and while it drains
   */
  public record Route(
      String method,
      String path,
      Access access,
      RouteClass kind,
      Endpoint endpoint,
      boolean always) {}

  private final List<Route> routes = new CopyOnWriteArrayList<>();

  public Routes get(String path, Access access, Endpoint endpoint) {
    return add("GET", path, access, endpoint);
  }

  /**
   * What machines ask about the server itself: public, and answered also when it refuses everything
   * else. To be cheap, because nothing bounds how many are answered at a time.
   */
  public Routes probe(String path, Endpoint endpoint) {
    routes.add(new Route("GET", path, Access.PUBLIC, RouteClass.UNLIMITED, endpoint, true));
    return this;
  }

  /** A route whose class is not what its method and access say. */
  public Routes classed(
      RouteClass kind, String method, String path, Access access, Endpoint endpoint) {
    routes.add(new Route(method, path, access, kind, endpoint, false));
    return this;
  }

  public Routes post(String path, Access access, Endpoint endpoint) {
    return add("POST", path, access, endpoint);
  }

  public Routes put(String path, Access access, Endpoint endpoint) {
    return add("PUT", path, access, endpoint);
  }

  public Routes patch(String path, Access access, Endpoint endpoint) {
    return add("PATCH", path, access, endpoint);
  }

  public Routes delete(String path, Access access, Endpoint endpoint) {
    return add("DELETE", path, access, endpoint);
  }

  private Routes add(String method, String path, Access access, Endpoint endpoint) {
    return classed(kind(method, access), method, path, access, endpoint);
  }

  private static RouteClass kind(String method, Access access) {
    if (method.equals("GET")) {
      return RouteClass.READ;
    }
    return access == Access.PUBLIC ? RouteClass.SIGN_IN : RouteClass.WRITE;
  }

  /** All entries in the order in which they were added. */
  public List<Route> all() {
    return Collections.unmodifiableList(routes);
  }
}
