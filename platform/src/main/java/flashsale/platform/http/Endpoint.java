package flashsale.platform.http;

/** What answers one route. Called by many virtual threads at once; it may block. */
@FunctionalInterface
public interface Endpoint {
  /**
   * Answers one request.
   *
   * @throws Problem for every expected refusal
   */
  Answer answer(Call call) throws Exception;
}
