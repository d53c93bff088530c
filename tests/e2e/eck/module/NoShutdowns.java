package lab.eck;

import java.util.List;

import org.elasticsearch.client.internal.node.NodeClient;
import org.elasticsearch.rest.BaseRestHandler;
import org.elasticsearch.rest.RestRequest;
import org.elasticsearch.rest.RestResponse;
import org.elasticsearch.rest.RestStatus;

/**
 * Which nodes are to shut down: none, for without the module of that API none can be told to. ECK asks before it calls a cluster ready.
 * To tell one is refused still, so ECK cannot change the nodes of a cluster that runs.
 */
final class NoShutdowns extends BaseRestHandler {
    @Override
    public String getName() {
        return "eck_no_shutdowns";
    }

    @Override
    public List<Route> routes() {
        return List.of(new Route(RestRequest.Method.GET, "/_nodes/shutdown"));
    }

    @Override
    protected RestChannelConsumer prepareRequest(RestRequest request, NodeClient client) {
        return channel -> channel.sendResponse(
            new RestResponse(RestStatus.OK, channel.newBuilder().startObject().startArray("nodes").endArray().endObject())
        );
    }
}
