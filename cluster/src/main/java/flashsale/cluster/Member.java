package flashsale.cluster;

import java.net.URI;

/**
 * One process of a role.
 *
 * @param number from 1
 * @param httpPort where it serves its part of the API
 * @param doorsPort where it answers the other roles
 */
public record Member(String role, int number, int httpPort, int doorsPort) {
  /** As in commands: {@code inventory/1}. */
  public String name() {
    return role + "/" + number;
  }

  /** Its data directory in the cluster's folder. */
  public String folder() {
    return role + "-" + number;
  }

  public URI url() {
    return URI.create("http://127.0.0.1:" + httpPort);
  }

  URI doors() {
    return URI.create("http://127.0.0.1:" + doorsPort);
  }
}
