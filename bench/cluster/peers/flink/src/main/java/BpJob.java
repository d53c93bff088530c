import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.RuntimeExecutionMode;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.restartstrategy.RestartStrategies;
import org.apache.flink.api.common.serialization.AbstractDeserializationSchema;
import org.apache.flink.api.common.serialization.SimpleStringEncoder;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.java.tuple.Tuple2;
import org.apache.flink.configuration.Configuration;
import org.apache.flink.connector.file.sink.FileSink;
import org.apache.flink.connector.kafka.source.KafkaSource;
import org.apache.flink.connector.kafka.source.enumerator.initializer.OffsetsInitializer;
import org.apache.flink.core.fs.Path;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.ProcessFunction;
import org.apache.flink.streaming.api.functions.sink.filesystem.rollingpolicies.OnCheckpointRollingPolicy;
import org.apache.flink.streaming.connectors.elasticsearch.util.RetryRejectedExecutionFailureHandler;
import org.apache.flink.streaming.connectors.elasticsearch7.ElasticsearchSink;
import org.apache.flink.util.Collector;
import org.apache.flink.util.OutputTag;
import org.apache.http.HttpHost;
import org.apache.http.HttpRequest;
import org.apache.http.HttpRequestInterceptor;
import org.apache.http.protocol.HttpContext;
import org.apache.kafka.clients.consumer.OffsetResetStrategy;
import org.elasticsearch.client.Requests;
import org.elasticsearch.common.xcontent.XContentType;

/** Observations from Kafka: anomalies to Elasticsearch, normal readings to files. */
public class BpJob {
  private static final OutputTag<String> NORMAL = new OutputTag<>("normal") {};
  private static final long CHECKPOINT_MS = 5000;

  static String classify(double systolic, double diastolic) {
    if (systolic > 180 || diastolic > 120) return "crisis";
    if (systolic >= 140 || diastolic >= 90) return "stage2";
    if (systolic >= 130 || diastolic >= 80) return "stage1";
    if (systolic < 90 || diastolic < 60) return "hypotension";
    if (systolic >= 120) return "elevated";
    return "normal";
  }

  /** An anomaly's id and document; normal readings as they came, to the side output. */
  public static class Classify extends ProcessFunction<String, Tuple2<String, String>> {
    private transient ObjectMapper mapper;

    @Override
    public void processElement(String value, Context context, Collector<Tuple2<String, String>> out) throws Exception {
      if (mapper == null) mapper = new ObjectMapper();
      JsonNode observation = mapper.readTree(value);
      JsonNode systolic = null;
      JsonNode diastolic = null;
      for (JsonNode component : observation.path("component")) {
        for (JsonNode coding : component.path("code").path("coding")) {
          String code = coding.path("code").asText();
          if (code.equals("8480-6")) systolic = component.path("valueQuantity").path("value");
          else if (code.equals("8462-4")) diastolic = component.path("valueQuantity").path("value");
        }
      }
      String category = classify(systolic.asDouble(), diastolic.asDouble());
      if (category.equals("normal")) {
        context.output(NORMAL, value);
        return;
      }
      String subject = observation.path("subject").path("reference").asText();
      String id = observation.path("id").asText();
      var document = mapper.createObjectNode().put("patient_id", subject.substring(subject.lastIndexOf('/') + 1));
      document.set("systolic_pressure", systolic);
      document.set("diastolic_pressure", diastolic);
      document.put("anomaly_type", category);
      document.put("observation_id", id);
      document.put("effective", observation.path("effectiveDateTime").asText());
      out.collect(Tuple2.of(id, mapper.writeValueAsString(document)));
    }
  }

  /** Text as it is. */
  public static class Utf8 extends AbstractDeserializationSchema<String> {
    @Override
    public String deserialize(byte[] bytes) {
      return new String(bytes, StandardCharsets.UTF_8);
    }
  }

  public static void main(String[] arguments) throws Exception {
    Map<String, String> variables = System.getenv();
    String out = variables.get("OUT");
    Configuration configuration = new Configuration();
    configuration.setString("execution.checkpointing.dir", URI.create("file://" + out + ".ckpt").toString());
    StreamExecutionEnvironment environment = StreamExecutionEnvironment.createLocalEnvironment(2, configuration);
    environment.setRuntimeMode(RuntimeExecutionMode.STREAMING);
    environment.enableCheckpointing(CHECKPOINT_MS);
    environment.getConfig().enableObjectReuse();
    environment.setRestartStrategy(RestartStrategies.fixedDelayRestart(10, 1000));

    var anomalies = environment.fromSource(source(variables), WatermarkStrategy.noWatermarks(), "kafka")
        .process(new Classify())
        .returns(Types.TUPLE(Types.STRING, Types.STRING));
    anomalies.getSideOutput(NORMAL).sinkTo(
        FileSink.forRowFormat(new Path("file://" + out), new SimpleStringEncoder<String>("UTF-8"))
            .withRollingPolicy(OnCheckpointRollingPolicy.build())
            .build());
    anomalies.addSink(sink(variables)).name("elasticsearch");
    environment.execute("bp");
  }

  private static KafkaSource<String> source(Map<String, String> variables) {
    var builder = KafkaSource.<String>builder()
        .setBootstrapServers(variables.get("KAFKA"))
        .setTopics(variables.get("TOPIC"))
        .setGroupId(variables.get("GROUP"))
        .setStartingOffsets(OffsetsInitializer.committedOffsets(OffsetResetStrategy.EARLIEST))
        .setValueOnlyDeserializer(new Utf8());
    if (variables.getOrDefault("EXIT_AT_END", "1").equals("1")) builder.setBounded(OffsetsInitializer.latest());
    return builder.build();
  }

  private static ElasticsearchSink<Tuple2<String, String>> sink(Map<String, String> variables) {
    String index = variables.get("INDEX");
    URI url = URI.create(variables.get("ES"));
    var builder = new ElasticsearchSink.Builder<Tuple2<String, String>>(
        List.of(new HttpHost(url.getHost(), url.getPort(), url.getScheme())),
        (anomaly, context, indexer) ->
            indexer.add(Requests.indexRequest(index).id(anomaly.f0).source(anomaly.f1, XContentType.JSON)));
    builder.setBulkFlushMaxActions(2500);
    builder.setBulkFlushInterval(1000);
    builder.setBulkFlushMaxSizeMb(10);
    builder.setBulkFlushBackoff(true);
    builder.setFailureHandler(new RetryRejectedExecutionFailureHandler());
    builder.setRestClientFactory(client -> client.setHttpClientConfigCallback(http -> http.addInterceptorLast((HttpRequestInterceptor) BpJob::makeCompatible)));
    return builder.build();
  }

  /** A client of Elasticsearch 7 reaches Elasticsearch 8 with these headers. */
  private static void makeCompatible(HttpRequest request, HttpContext context) {
    String compatible = "application/vnd.elasticsearch+json;compatible-with=7";
    request.setHeader("Accept", compatible);
    if (request.containsHeader("Content-Type")) request.setHeader("Content-Type", compatible);
  }
}
