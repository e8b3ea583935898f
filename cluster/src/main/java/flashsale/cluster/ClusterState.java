package flashsale.cluster;

import com.fasterxml.jackson.core.JsonProcessingException;
import flashsale.platform.json.Json;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * What a running cluster tells commands beside it, in the file {@code cluster.json} of its folder.
 *
 * @param supervisor the process that started all others and starts those again that end
 */
public record ClusterState(
    long supervisor, Instant startedAt, URI gateway, boolean async, List<Running> processes) {

  /**
   * One process.
   *
   * @param name {@code inventory/1}, or {@code postgres}, {@code rabbitmq}, {@code redis}, {@code
   *     nginx}
   * @param pid 0 while it is not there
   * @param startedAt tells it from another process that has its pid by now; null while it is not
   *     there
   * @param url where it tells its health and metrics; null for servers
   * @param port where it is asked for what it does; 0: not told, by an earlier version
   * @param restarts how often it ended and was started again
   */
  public record Running(String name, long pid, Instant startedAt, URI url, int port, int restarts) {
    /** A role's process. */
    static Running of(String name, long pid, URI url, int restarts) {
      return new Running(name, pid, startedAt(pid), url, url.getPort(), restarts);
    }

    /** A server. */
    static Running of(String name, long pid, int port, int restarts) {
      return new Running(name, pid, startedAt(pid), null, port, restarts);
    }

    private static Instant startedAt(long pid) {
      return ProcessHandle.of(pid).flatMap(process -> process.info().startInstant()).orElse(null);
    }

    /** The process, if it is there and this very one. */
    public Optional<ProcessHandle> handle() {
      return ProcessHandle.of(pid)
          .filter(ProcessHandle::isAlive)
          .filter(process -> process.info().startInstant().equals(Optional.ofNullable(startedAt)));
    }
  }

  private static final String FILE = "cluster.json";

  /** The cluster of a folder, if one was started there and has not been taken down. */
  public static Optional<ClusterState> read(Path folder) {
    try {
      var file = folder.resolve(FILE);
      return Files.exists(file)
          ? Optional.of(Json.tolerant().readValue(Files.readString(file), ClusterState.class))
          : Optional.empty();
    } catch (JsonProcessingException e) {
      return Optional.empty(); // Nobody else's file would have this name.
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /**
   * The processes of this name, or of this role.
   *
   * @param name {@code inventory/1}, {@code inventory}, {@code postgres}…
   */
  public List<Running> named(String name) {
    return processes.stream()
        .filter(p -> p.name().equals(name) || p.name().startsWith(name + "/"))
        .toList();
  }

  /**
   * The gateway's configuration in a folder, as it is while these are about to be stopped.
   *
   * @param leaving of {@link #processes}
   */
  public GatewayConfig gateway(Path folder, List<Running> leaving) {
    var urls =
        GatewayConfig.ROLES.stream()
            .collect(
                Collectors.toMap(
                    role -> role, role -> named(role).stream().map(Running::url).toList()));
    return new GatewayConfig(
        gateway.getAuthority(),
        urls,
        leaving.stream().map(Running::url).collect(Collectors.toSet()),
        folder.resolve("nginx"),
        0,
        GatewayConfig.BODY_MAX_BYTES,
        Optional.empty(),
        Optional.empty());
  }

  void write(Path folder) {
    try {
      var unfinished = folder.resolve(FILE + ".unfinished");
      Files.writeString(unfinished, Json.text(this) + "\n");
      Files.move(unfinished, folder.resolve(FILE), StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static void forget(Path folder) {
    try {
      Files.deleteIfExists(folder.resolve(FILE));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
