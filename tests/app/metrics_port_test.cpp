// The metrics over HTTP, asked for as scrapers, health checks and strangers do.
#include "metrics_port.hpp"

#include <asio.hpp>
#include <gtest/gtest.h>

#include <atomic>
#include <string>

namespace tidelog::app {
namespace {

class metrics_port_test : public ::testing::Test {
 protected:
  metrics_port_test() {
    series_.make_counter("test_requests", "Requests.").add(3);
    port_ = metrics_port::bind("127.0.0.1", 0).value();
  }
  void serve() {
    port_->serve(series_, [this] { return is_healthy_.load(); });
  }
  [[nodiscard]] asio::ip::tcp::socket connect() {
    const auto& address = port_->address();
    const auto number = std::stoi(address.substr(address.rfind(':') + 1));
    asio::ip::tcp::socket peer(io_);
    peer.connect({asio::ip::make_address("127.0.0.1"), static_cast<asio::ip::port_type>(number)});
    return peer;
  }
  /// All that comes back until the port closes the connection.
  [[nodiscard]] std::string answer_to(const std::string& bytes) {
    auto peer = connect();
    asio::error_code ended;
    asio::write(peer, asio::buffer(bytes), ended);
    std::string all;
    asio::read(peer, asio::dynamic_buffer(all), ended);
    return all;
  }
  [[nodiscard]] std::string get(const std::string& path, const std::string& headers = {}) {
    return answer_to("GET " + path + " HTTP/1.1\r\nHost: here\r\nConnection: close\r\n" + headers + "\r\n");
  }

  metrics::registry series_;
  std::atomic<bool> is_healthy_{true};
  std::unique_ptr<metrics_port> port_;
  asio::io_context io_;
};

[[nodiscard]] bool has(const std::string& answer, const std::string& part) {
  return answer.find(part) != std::string::npos;
}

TEST_F(metrics_port_test, metrics_are_answered_as_prometheus_reads_them) {
  serve();
  const auto answer = get("/metrics");
  EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 OK\r\n")) << answer;
  EXPECT_TRUE(has(answer, "Content-Type: " + std::string(content_type(metrics::text_format::prometheus))))
      << answer;
  EXPECT_TRUE(has(answer, "\ntest_requests_total 3\n")) << answer;
}

TEST_F(metrics_port_test, openmetrics_for_who_accepts_it) {
  serve();
  const auto answer =
      get("/metrics", "Accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5\r\n");
  EXPECT_TRUE(has(answer, "Content-Type: " + std::string(content_type(metrics::text_format::openmetrics))))
      << answer;
  EXPECT_TRUE(answer.ends_with("# EOF\n")) << answer;
}

TEST_F(metrics_port_test, health_follows_the_broker) {
  serve();
  EXPECT_TRUE(get("/health").starts_with("HTTP/1.1 200 "));
  is_healthy_ = false;
  EXPECT_TRUE(get("/health").starts_with("HTTP/1.1 503 "));
}

TEST_F(metrics_port_test, one_connection_asks_again_and_again) {
  serve();
  const std::string ask = "GET /metrics HTTP/1.1\r\nHost: here\r\n\r\n";
  const auto answers = answer_to(ask + ask + "GET /health HTTP/1.1\r\nConnection: close\r\n\r\n");
  const auto second = answers.find("test_requests_total", answers.find("test_requests_total 3") + 1);
  EXPECT_NE(second, std::string::npos) << answers;
  EXPECT_TRUE(answers.ends_with("makes progress\n")) << answers;
}

TEST_F(metrics_port_test, what_is_not_there_and_what_may_not_be_done_is_refused) {
  serve();
  EXPECT_TRUE(get("/").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(get("/metrics/").starts_with("HTTP/1.1 404 "));
  EXPECT_TRUE(answer_to("POST /metrics HTTP/1.1\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                  .starts_with("HTTP/1.1 5"));
  EXPECT_TRUE(answer_to("HEAD /health HTTP/1.1\r\nConnection: close\r\n\r\n").ends_with("\r\n\r\n"));
}

TEST_F(metrics_port_test, nonsense_is_answered_or_closed_and_the_port_goes_on) {
  serve();
  std::string everything;
  for (int each = 0; each < 256; ++each) everything += static_cast<char>(each);
  for (const auto& bytes :
       {std::string("\r\n\r\n"), everything + "\r\n\r\n", std::string("GET\r\n\r\n"),
        std::string("GET http://[::1 HTTP/1.1\r\n\r\n"),
        "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nX: " + std::string(100'000, 'a') + "\r\n\r\n",
        std::string("GET /metrics HTTP/1.1\r\nContent-Length: 99999999999999999999\r\n\r\n"),
        std::string("GET /metrics HTTP/9.9\r\nConnection: close\r\n\r\n")}) {
    auto peer = connect();
    asio::error_code ended;
    asio::write(peer, asio::buffer(bytes), ended);
    peer.shutdown(asio::socket_base::shutdown_send, ended);
    std::string all;
    asio::read(peer, asio::dynamic_buffer(all), ended);
  }
  EXPECT_TRUE(has(get("/metrics"), "test_requests_total 3"));
}

TEST_F(metrics_port_test, address_that_is_taken_is_an_error_that_names_the_key) {
  const auto number = std::stoi(port_->address().substr(port_->address().rfind(':') + 1));
  const auto second = metrics_port::bind("127.0.0.1", static_cast<std::uint16_t>(number));
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, std::errc::address_in_use);
  EXPECT_TRUE(has(second.error().context, "metrics.listen 127.0.0.1:")) << second.error().context;
}

TEST_F(metrics_port_test, stops_while_somebody_is_connected_and_when_it_has_never_served) {
  auto silent = connect();
  serve();
  auto half = connect();
  asio::write(half, asio::buffer(std::string("GET /met")));
  EXPECT_TRUE(has(get("/metrics"), "test_requests_total 3"));
  port_.reset();
  port_ = metrics_port::bind("127.0.0.1", 0).value();
  port_.reset();
}

}  // namespace
}  // namespace tidelog::app
