#pragma once
// One request on its way through the server.

#include "broker.hpp"
#include "refused_sequences.hpp"

#include "tidelog/base/unique_function.hpp"
#include "tidelog/protocol/headers.hpp"
#include "tidelog/protocol/service.hpp"

#include <deque>
#include <memory>
#include <string>
#include <utility>

namespace tidelog::server {

/// What the server remembers of a connection; used on its reactor, or by the worker that an earlier produce request is on
/// while later ones wait for it.
struct connection_notes {
  /// An earlier produce request's batches are being checked on a worker; those that came since wait here, so that the
  /// appends keep the order of the requests.
  bool produce_is_being_checked = false;
  std::deque<base::task> waiting_produces;
  refused_sequences refused;
};

/// Movable, so that it can go to a worker. The connection may be looked at only while handle() has not returned.
class request {
 public:
  request(broker& owner, protocol::connection_info& connection, const protocol::request_header& header,
          protocol::request_frame frame, protocol::responder answer)
      : broker_(&owner),
        connection_(&connection),
        header_(header),
        frame_(std::move(frame)),
        responder_(std::move(answer)) {}

  [[nodiscard]] broker& owner() const { return *broker_; }
  [[nodiscard]] const server_environment& environment() const { return broker_->environment; }
  [[nodiscard]] const protocol::request_header& header() const { return header_; }
  [[nodiscard]] std::int16_t version() const { return header_.version; }
  [[nodiscard]] protocol::connection_info& connection() const { return *connection_; }
  /// Stays valid after handle() has returned.
  [[nodiscard]] protocol::reactor& reactor() const { return *reactor_; }
  [[nodiscard]] std::shared_ptr<connection_notes> notes() const {
    return std::static_pointer_cast<connection_notes>(connection_->server_notes);
  }
  [[nodiscard]] metadata::image_ptr image() const { return broker_->environment.cluster.current(); }

  template <class Message>
  void answer(const Message& message) {
    responder_.answer(protocol::encode_response(header_.correlation_id, message, header_.version));
  }
  void answer_nothing() { responder_.answer_nothing(); }
  void close(std::string reason) { responder_.close(std::move(reason)); }

  /// The bytes of the frame are not needed any more: values have been decoded out of it.
  void release_frame() {
    frame_.owner.reset();
    header_.body = {};
    header_.client_id.reset();
  }

 private:
  broker* broker_;
  protocol::connection_info* connection_;
  protocol::request_header header_;
  protocol::request_frame frame_;
  protocol::responder responder_;
  protocol::reactor* reactor_ = connection_->home;
};

/// Goes on with the request on a worker: for everything that waits for the disk.
template <class Message>
void on_worker(request of, Message message, void (*work)(request, Message)) {
  of.release_frame();
  auto& workers = of.environment().workers;
  workers.submit([of = std::move(of), message = std::move(message), work]() mutable {
    work(std::move(of), std::move(message));
  });
}

}  // namespace tidelog::server
