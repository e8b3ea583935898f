package flashsale.server;

import ch.qos.logback.classic.Level;
import ch.qos.logback.classic.LoggerContext;
import ch.qos.logback.classic.encoder.PatternLayoutEncoder;
import ch.qos.logback.classic.jul.LevelChangePropagator;
import ch.qos.logback.classic.spi.ILoggingEvent;
import ch.qos.logback.core.ConsoleAppender;
import ch.qos.logback.core.OutputStreamAppender;
import ch.qos.logback.core.rolling.FixedWindowRollingPolicy;
import ch.qos.logback.core.rolling.RollingFileAppender;
import ch.qos.logback.core.rolling.SizeBasedTriggeringPolicy;
import ch.qos.logback.core.util.Duration;
import ch.qos.logback.core.util.FileSize;
import flashsale.platform.http.HttpServer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;
import org.slf4j.bridge.SLF4JBridgeHandler;

/**
 * Where the log goes: to the console (standard error, so that a command's own output stays clean),
 * and for a server also to {@code logs/flashsale.log} and {@code logs/access.log}, whose sizes are
 * bounded. Set up in Java and not in XML: it depends on the data directory, and it saves a parser's
 * start-up time.
 */
public final class Logging implements AutoCloseable {
  private static final String OURS = "flashsale";
  private static final String ACCESS = "flashsale.access";
  private static final String PATTERN =
      "%d{yyyy-MM-dd'T'HH:mm:ss.SSSXXX,UTC} %-5level %logger{0}: %msg%n";

  /** How often a file's size is looked at; with 3 MB/s of access log it may be that much larger. */
  private static final Duration SIZE_LOOK_EVERY = Duration.buildBySeconds(1);

  private final HttpServer.Observer accessLog;
  private final AutoCloseable stop;

  private Logging(HttpServer.Observer accessLog, AutoCloseable stop) {
    this.accessLog = accessLog;
    this.stop = stop;
  }

  /** For commands: what is worth a warning, to the console. Called first of all. */
  static void toConsole() {
    var context = fresh();
    root(context).addAppender(console(context, Level.WARN));
    root(context).setLevel(Level.WARN);
  }

  /**
   * For a server.
   *
   * @param folder made if it is missing
   * @param console what is worth the console; everything that is logged goes to the file
   */
  public static Logging toFiles(Path folder, Config.Log settings, Level console) {
    try {
      Files.createDirectories(folder);
    } catch (IOException e) {
      throw new CommandFailure(
          ExitCode.ENVIRONMENT, "The logs cannot be kept: " + e.getMessage(), e);
    }
    var context = fresh();
    root(context).setLevel(Level.WARN);
    root(context).addAppender(console(context, console));
    root(context).addAppender(file(context, folder.resolve("flashsale.log"), PATTERN, settings));
    context.getLogger(OURS).setLevel(Level.toLevel(settings.level()));
    if (!settings.access()) {
      return new Logging((method, route, path, status, nanos, requestId) -> {}, () -> {});
    }
    var access = context.getLogger(ACCESS);
    access.setAdditive(false);
    access.setLevel(Level.INFO);
    access.addAppender(file(context, folder.resolve("access.log"), "%msg%n", settings));
    var log = new AccessLog(access::info);
    return new Logging(log, log);
  }

  /** What is to be told of every answered request. */
  public HttpServer.Observer accessLog() {
    return accessLog;
  }

  /** Writes what has gathered; from then on only the console is used. */
  @Override
  public void close() {
    try {
      stop.close();
    } catch (Exception e) {
      throw new IllegalStateException("the access log does not stop", e);
    }
    toConsole();
  }

  /** A context without anything, to which java.util.logging and System.Logger lead as well. */
  private static LoggerContext fresh() {
    var context = (LoggerContext) LoggerFactory.getILoggerFactory();
    context.reset();
    var propagator = new LevelChangePropagator(); // Else every disabled JUL line costs a record.
    propagator.setContext(context);
    propagator.setResetJUL(true);
    propagator.start();
    context.addListener(propagator);
    // A port that is taken: HttpServer says that in one line, this one in fifty.
    context.getLogger("io.helidon.webserver.LoomServer").setLevel(Level.OFF);
    SLF4JBridgeHandler.removeHandlersForRootLogger();
    SLF4JBridgeHandler.install();
    return context;
  }

  private static ch.qos.logback.classic.Logger root(LoggerContext context) {
    return context.getLogger(Logger.ROOT_LOGGER_NAME);
  }

  private static ConsoleAppender<ILoggingEvent> console(LoggerContext context, Level level) {
    var console = new ConsoleAppender<ILoggingEvent>();
    console.setTarget("System.err");
    var threshold = new ch.qos.logback.classic.filter.ThresholdFilter();
    threshold.setLevel(level.levelStr);
    threshold.start();
    console.addFilter(threshold);
    return start(console, context, PATTERN);
  }

  private static RollingFileAppender<ILoggingEvent> file(
      LoggerContext context, Path path, String pattern, Config.Log settings) {
    var file = new RollingFileAppender<ILoggingEvent>();
    file.setContext(context);
    file.setFile(path.toString());
    var rolling = new FixedWindowRollingPolicy();
    rolling.setContext(context);
    rolling.setParent(file);
    rolling.setFileNamePattern(path + ".%i");
    rolling.setMinIndex(1);
    rolling.setMaxIndex(settings.filesMax());
    rolling.start();
    var trigger = new SizeBasedTriggeringPolicy<ILoggingEvent>();
    trigger.setContext(context);
    trigger.setMaxFileSize(new FileSize(settings.fileMax()));
    trigger.setCheckIncrement(SIZE_LOOK_EVERY);
    trigger.start();
    file.setRollingPolicy(rolling);
    file.setTriggeringPolicy(trigger);
    return start(file, context, pattern);
  }

  private static <A extends OutputStreamAppender<ILoggingEvent>> A start(
      A appender, LoggerContext context, String pattern) {
    var encoder = new PatternLayoutEncoder();
    encoder.setContext(context);
    encoder.setPattern(pattern);
    encoder.start();
    appender.setContext(context);
    appender.setEncoder(encoder);
    appender.start();
    return appender;
  }
}
