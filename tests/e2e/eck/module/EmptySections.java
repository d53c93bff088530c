package lab.eck;

import java.io.IOException;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Set;

import org.elasticsearch.cluster.ClusterState;
import org.elasticsearch.reservedstate.ReservedClusterStateHandler;
import org.elasticsearch.reservedstate.ReservedClusterStateHandlerProvider;
import org.elasticsearch.reservedstate.TransformState;
import org.elasticsearch.xcontent.XContentParser;

/**
 * The sections of the file-based settings whose modules are not there. ECK always writes them, and a node is not ready before it has read all
 * sections; so they are taken while they are empty.
 */
public final class EmptySections implements ReservedClusterStateHandlerProvider {
    @Override
    public Collection<ReservedClusterStateHandler<?>> handlers() {
        return List.of(new Empty("ilm"), new Empty("slm"));
    }

    private record Empty(String name) implements ReservedClusterStateHandler<Map<String, Object>> {
        @Override
        public TransformState transform(Object source, TransformState before) {
            if (source instanceof Map<?, ?> section && section.isEmpty()) {
                return new TransformState(before.state(), Set.of());
            }
            throw new IllegalArgumentException("[" + name + "] is of a module that this distribution lacks");
        }

        @Override
        public ClusterState remove(TransformState before) {
            return before.state();
        }

        @Override
        public Map<String, Object> fromXContent(XContentParser parser) throws IOException {
            return parser.map();
        }
    }
}
