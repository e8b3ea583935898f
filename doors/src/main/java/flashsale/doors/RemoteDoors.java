package flashsale.doors;

import flashsale.contracts.AuditRow;
import flashsale.platform.messaging.AskedOnce;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.lang.reflect.InvocationHandler;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.Arrays;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** A door whose every method asks a {@link Peer}: one exchange a call, whole batches at a time. */
public final class RemoteDoors implements InvocationHandler {
  private final Peer peer;

  /** The methods that are asked once, whatever comes of it. */
  private final Set<Method> once;

  /** The methods that read whole tables, which takes its time. */
  private final Set<Method> audits;

  private RemoteDoors(Class<?> door, Peer peer) {
    this.peer = peer;
    this.once = methods(door, method -> method.isAnnotationPresent(AskedOnce.class));
    this.audits =
        methods(
            door, m -> m.getGenericReturnType().getTypeName().contains(AuditRow.class.getName()));
  }

  private static Set<Method> methods(Class<?> door, Predicate<Method> which) {
    return Arrays.stream(door.getMethods()).filter(which).collect(Collectors.toUnmodifiableSet());
  }

  /** The door of this kind to this peer. */
  public static <D> D of(Class<D> door, Peer peer) {
    return door.cast(
        Proxy.newProxyInstance(
            door.getClassLoader(), new Class<?>[] {door}, new RemoteDoors(door, peer)));
  }

  @Override
  public Object invoke(Object proxy, Method method, Object[] arguments) throws Throwable {
    if (method.getDeclaringClass() == Object.class) {
      return method.invoke(this, arguments);
    }
    try {
      var most = audits.contains(method) ? peer.auditTimeout() : peer.timeout();
      var given = DoorJson.arguments(arguments);
      var answer =
          once.contains(method)
              ? peer.askOnce(method.getName(), given, most)
              : peer.ask(method.getName(), given, most);
      return DoorJson.result(method, answer);
    } catch (IOException e) {
      throw new UncheckedIOException(method + " got what it cannot read", e);
    }
  }
}
